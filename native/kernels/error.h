// Errors that a kernel reports with one of hermkit's stable codes (lib/errors.ts), in words a user can act on.
#pragma once

#include <stdexcept>
#include <string>

namespace herm {

class KernelError : public std::runtime_error {
 public:
  KernelError(const char* code, const std::string& message) : std::runtime_error(message), code_(code) {}
  const char* code() const { return code_; }

 private:
  const char* code_;  // a string literal
};

}  // namespace herm

// A kernel call off the event loop: pins what the call reads and writes, runs it on a pool thread, catches everything,
// settles a promise. Progress and abort go through the job's control words, which JavaScript polls and writes.
#pragma once

#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "binding/args.h"
#include "kernels/error.h"

namespace herm::binding {

class PromiseWorker : public Napi::AsyncWorker {
 public:
  using Work = std::function<void(const Job&)>;
  using Result = std::function<Napi::Value(Napi::Env)>;

  // Runs `work`; the promise resolves to result(env), or to undefined where there is none.
  static Napi::Value run(Args&& args, Work work, Result result = {}) {
    auto* worker = new PromiseWorker(std::move(args), std::move(work), std::move(result));
    const Napi::Promise promise = worker->deferred_.Promise();
    worker->Queue();  // owns itself from here on
    return promise;
  }

 private:
  PromiseWorker(Args&& args, Work work, Result result)
      : Napi::AsyncWorker(args.env()),
        deferred_(Napi::Promise::Deferred::New(args.env())),
        job_(args.job()),
        pins_(args.take_pins()),
        work_(std::move(work)),
        result_(std::move(result)) {}

  void Execute() override {
    try {
      job_.check();
      work_(job_);
    } catch (const Aborted& e) {
      fail("ABORTED", e.what());
    } catch (const KernelError& e) {
      fail(e.code(), e.what());
    } catch (const std::bad_alloc&) {
      fail("OUT_OF_MEMORY", "not enough memory for this call");
    } catch (const std::invalid_argument& e) {
      fail("BAD_ARGUMENT", e.what());
    } catch (const std::length_error& e) {
      fail("TOO_LARGE", e.what());
    } catch (const std::exception& e) {
      fail("NATIVE", e.what());
    } catch (...) {
      fail("NATIVE", "unknown error in a native kernel");
    }
  }

  void OnOK() override {
    const Napi::HandleScope scope(Env());
    deferred_.Resolve(result_ ? result_(Env()) : Env().Undefined());
  }

  void OnError(const Napi::Error& error) override {
    const Napi::HandleScope scope(Env());
    error.Value().Set("code", Napi::String::New(Env(), code_));
    deferred_.Reject(error.Value());
  }

  void fail(const char* code, const char* message) {
    code_ = code;
    SetError(message);
  }

  Napi::Promise::Deferred deferred_;
  Job job_;
  std::vector<Napi::ObjectReference> pins_;
  Work work_;
  Result result_;
  const char* code_ = "NATIVE";
};

// A promise of the number of bytes that `code` wrote or read.
inline Napi::Value promise_size(Args&& args, std::function<std::size_t(const Job&)> code) {
  auto size = std::make_shared<std::size_t>(0);
  return PromiseWorker::run(
      std::move(args), [size, code = std::move(code)](const Job& job) { *size = code(job); },
      [size](Napi::Env env) { return Napi::Number::New(env, static_cast<double>(*size)); });
}

}  // namespace herm::binding

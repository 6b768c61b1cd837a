// The variants of C's functions that glibc checks at run time and musl does not have. Static libraries compiled for
// glibc call them with a size that they would check against; without the check they are the functions themselves.
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

int __vfprintf_chk(FILE* file, int flag, const char* format, va_list values) {
  (void)flag;
  return vfprintf(file, format, values);
}

int __fprintf_chk(FILE* file, int flag, const char* format, ...) {
  va_list values;
  va_start(values, format);
  const int length = __vfprintf_chk(file, flag, format, values);
  va_end(values);
  return length;
}

int __printf_chk(int flag, const char* format, ...) {
  va_list values;
  va_start(values, format);
  const int length = __vfprintf_chk(stdout, flag, format, values);
  va_end(values);
  return length;
}

int __snprintf_chk(char* text, size_t most, int flag, size_t size, const char* format, ...) {
  (void)flag;
  va_list values;
  va_start(values, format);
  const int length = vsnprintf(text, most < size ? most : size, format, values);
  va_end(values);
  return length;
}

int __sprintf_chk(char* text, int flag, size_t size, const char* format, ...) {
  (void)flag;
  va_list values;
  va_start(values, format);
  const int length = vsnprintf(text, size, format, values);
  va_end(values);
  return length;
}

char* __strcat_chk(char* text, const char* more, size_t size) {
  (void)size;
  return strcat(text, more);
}

void* __memcpy_chk(void* to, const void* from, size_t bytes, size_t size) {
  (void)size;
  return memcpy(to, from, bytes);
}

void* __memset_chk(void* to, int value, size_t bytes, size_t size) {
  (void)size;
  return memset(to, value, bytes);
}

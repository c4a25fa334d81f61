// The few entry points of the C++ runtime that the addon calls, so that the static libstdc++ brings in
// nothing else. Its own versions drag in the exception unwinder and with it symbols of the build machine's
// new glibc
// (_dl_find_object 2.35, arc4random 2.36); with these, the binary loads wherever Node itself does
// (glibc 2.28).
//
// The addon is compiled without exceptions, so a throw would end the process anyway: so do these. None of
// them is exported (exports.map), so Node and other addons keep their own.

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace {

void* Allocate(std::size_t size) {
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace std {

// Declared by <bits/functexcept.h>; called by containers where they would throw.
void __throw_bad_alloc() { abort(); }
void __throw_bad_array_new_length() { abort(); }
void __throw_length_error(const char*) { abort(); }
void __throw_logic_error(const char*) { abort(); }
void __throw_out_of_range_fmt(const char*, ...) { abort(); }
void __throw_bad_function_call() { abort(); }

// Asks whether a std::make_shared of another library made a control block; no shared_ptr crosses our border.
bool _Sp_make_shared_tag::_S_eq(const type_info&) noexcept { return false; }

}  // namespace std

// glibc 2.32 tells std::shared_ptr by this whether it may count without atomics. 0 is always right.
extern "C" {
char __libc_single_threaded = 0;
}

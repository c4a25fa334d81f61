// The smallest thing to write tests with: each TEST is a case that native.test.ts runs in a process of its
// own.
#pragma once

#include <sstream>
#include <string>
#include <vector>

namespace check {

struct Case {
  const char* name;
  void (*run)();
};

std::vector<Case>& Cases();
bool Register(const char* name, void (*run)());

// Prints where and why, and ends the process.
[[noreturn]] void Fail(const char* file, int line, const std::string& why);

template <typename A, typename B>
void Equal(const A& got, const B& want, const char* text, const char* file, int line) {
  if (got == want) return;
  std::ostringstream why;
  why << text << " is " << +got << ", not " << +want;
  Fail(file, line, why.str());
}

}  // namespace check

#define TEST(name)                                                                     \
  static void name();                                                                  \
  [[maybe_unused]] static const bool registered_##name = check::Register(#name, name); \
  static void name()

#define EXPECT(truth) \
  if (!(truth)) check::Fail(__FILE__, __LINE__, #truth)

#define EXPECT_EQ(got, want) check::Equal(got, want, #got, __FILE__, __LINE__)

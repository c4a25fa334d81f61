// native_tests --list: the names of the cases. native_tests NAME: runs one; exit code 0 when it passed.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "check.h"

namespace check {

std::vector<Case>& Cases() {
  static std::vector<Case> cases;
  return cases;
}

bool Register(const char* name, void (*run)()) {
  Cases().push_back({name, run});
  return true;
}

void Fail(const char* file, int line, const std::string& why) {
  std::fprintf(stderr, "%s:%d: %s\n", file, line, why.c_str());
  std::_Exit(1);
}

}  // namespace check

int main(int argc, char** argv) {
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  for (const check::Case& test : check::Cases()) {
    if (wanted == "--list") {
      std::puts(test.name);
    } else if (wanted == test.name) {
      test.run();
      return 0;
    }
  }
  if (wanted == "--list") return 0;
  std::fprintf(stderr, "no such case: %s\n", argc > 1 ? argv[1] : "(none)");
  return 2;
}

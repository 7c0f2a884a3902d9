// Libraries that are opened when they are first needed: one that is not there is said in one sentence, each time.
#include "formats/pictures/shared_library.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/error.h"

namespace easel::formats {
namespace {

SharedLibrary absent("libeasel-of-no-machine.so.7", "GIF");
LibraryFunction<int(int)> absent_function(absent, "anything");
SharedLibrary maths("libm.so.6", "TIFF");
LibraryFunction<double(double)> cosine(maths, "cos");
SharedLibrary lacking("libm.so.6", "AVIF");
LibraryFunction<double(double)> unknown(lacking, "no_function_of_maths");
LibraryFunction<double(double)> known(lacking, "sin");

std::string failure(SharedLibrary& library) {
  try {
    library.open();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kUnsupported);
    return e.what();
  }
  return {};
}

TEST(SharedLibrary, ItsFunctionsAreThereOnceItIsOpen) {
  maths.open();
  maths.open();
  EXPECT_EQ(cosine(0.5), std::cos(0.5));
}

TEST(SharedLibrary, OneThatIsNotThereIsNamedWithItsPackage) {
  for (int i = 0; i < 2; ++i) {
    const std::string text = failure(absent);
    EXPECT_NE(text.find("GIF"), std::string::npos) << text;
    EXPECT_NE(text.find("libeasel-of-no-machine.so.7"), std::string::npos) << text;
    EXPECT_NE(text.find("Install libeasel-of-no-machine7"), std::string::npos) << text;
  }
}

TEST(SharedLibrary, AFunctionThatItLacksIsNamed) {
  const std::string text = failure(lacking);
  EXPECT_NE(text.find("no_function_of_maths"), std::string::npos) << text;
}

}  // namespace
}  // namespace easel::formats

// Libraries that are opened late: what is not there is one sentence, said each time.
#include "formats/pictures/late_library.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/error.h"

namespace easel::formats {
namespace {

LateLibrary absent("libeasel-of-no-machine.so.7", "GIF");
LateFunction<int(int)> absent_function(absent, "anything");
LateLibrary maths("libm.so.6", "TIFF");
LateFunction<double(double)> cosine(maths, "cos");
LateLibrary lacking("libm.so.6", "AVIF");
LateFunction<double(double)> unknown(lacking, "no_function_of_maths");
LateFunction<double(double)> known(lacking, "sin");

std::string failure(LateLibrary& library) {
  try {
    library.open();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kUnsupported);
    return e.what();
  }
  return {};
}

TEST(LateLibrary, ItsFunctionsAreThereOnceItIsOpen) {
  maths.open();
  maths.open();
  EXPECT_EQ(cosine(0.5), std::cos(0.5));
}

TEST(LateLibrary, OneThatIsNotThereIsNamedWithItsPackage) {
  for (int i = 0; i < 2; ++i) {
    const std::string text = failure(absent);
    EXPECT_NE(text.find("GIF"), std::string::npos) << text;
    EXPECT_NE(text.find("libeasel-of-no-machine.so.7"), std::string::npos) << text;
    EXPECT_NE(text.find("Install libeasel-of-no-machine7"), std::string::npos) << text;
  }
}

TEST(LateLibrary, AFunctionThatItLacksIsNamed) {
  const std::string text = failure(lacking);
  EXPECT_NE(text.find("no_function_of_maths"), std::string::npos) << text;
}

}  // namespace
}  // namespace easel::formats

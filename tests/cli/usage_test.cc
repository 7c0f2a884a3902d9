// What the program says of a command line it does not understand.
#include <gtest/gtest.h>

#include "cli/command.h"
#include "support/loopback.h"

namespace easel::cli {
namespace {

using testing::Workplace;

struct Case {
  std::vector<std::string> arguments;
  std::string says;
};

TEST(Usage, NamesTheMistake) {
  Workplace place("usage");
  for (const Case& c : {
           Case{{"srve"}, "easel has no command 'srve'. Did you mean 'serve'?"},
           Case{{"imgtoimg", "photo.png"}, "easel has no command 'imgtoimg'. Did you mean 'img2img'?"},
           Case{{"zzzzzz"}, "easel has no command 'zzzzzz'. 'easel --help' lists"},
           Case{{"serve", "--prot", "3"}, "easel serve has no option '--prot'. Did you mean '--port'"},
           Case{{"serve", "--prot=3"}, "easel serve has no option '--prot'."},
           // The mistake is told, not what is missing because of it.
           Case{{"img2img", "--promt", "a boat"}, "easel img2img has no option '--promt'. Did you mean '--prompt'"},
           Case{{"queue", "lst"}, "easel queue has no command 'lst'. Did you mean 'list'?"},
           Case{{"run", "-Z"}, "easel run has no option '-Z'."},
       }) {
    const auto result = place.run(c.arguments);
    EXPECT_EQ(result.code, 2) << c.says;
    EXPECT_NE(result.err.find(c.says), std::string::npos) << c.says << "\n" << result.err;
  }
}

TEST(Usage, LeavesOtherFaultsAsTheyAre) {
  Workplace place("usage");
  const auto none = place.run({});
  EXPECT_EQ(none.code, 2);
  EXPECT_NE(none.err.find("subcommand is required"), std::string::npos) << none.err;
  // A value may look like a command or an option.
  const auto port = place.run({"serve", "--port", "many"});
  EXPECT_EQ(port.code, 2);
  EXPECT_NE(port.err.find("--port"), std::string::npos) << port.err;
  EXPECT_EQ(place.run({"serve", "--help"}).code, 0);
}

TEST(Usage, SaysThatAPortIsTaken) {
  const easel::testing::LoopbackListener taken;
  const std::string port = std::to_string(taken.port());
  Workplace place("usage");
  const auto result = place.run({"serve", "--port", port});
  EXPECT_EQ(result.code, 2);
  EXPECT_NE(result.err.find("port " + port + " of 127.0.0.1 is taken by another program"), std::string::npos)
      << result.err;
}

}  // namespace
}  // namespace easel::cli

// The tests of the server; as the child of one of them (child_server.h, fleet_child.h), a server or a machine of a
// fleet.
#include <gtest/gtest.h>

#include <cstdlib>

#include "server/child_server.h"
#include "server/fleet_child.h"

int main(int argc, char** argv) {
  if (const char* folder = std::getenv("EASEL_TEST_SERVE")) {
    easel::server::testing::serve_as_child(folder);
    return 0;
  }
  if (std::getenv("EASEL_TEST_FLEET")) return easel::server::testing::be_fleet_child();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

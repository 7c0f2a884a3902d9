// The tests of the server; as the child of one of them, a server (child_server.h), a machine of a fleet (fleet_child.h)
// or what claims jobs (claimer_child.h).
#include <gtest/gtest.h>

#include <cstdlib>

#include "server/child_server.h"
#include "server/claimer_child.h"
#include "server/fleet_child.h"

int main(int argc, char** argv) {
  if (const char* folder = std::getenv("EASEL_TEST_SERVE")) {
    easel::server::testing::serve_as_child(folder);
    return 0;
  }
  if (const char* store = std::getenv("EASEL_TEST_CLAIM")) {
    easel::server::testing::claim_as_child(store);
    return 0;
  }
  if (std::getenv("EASEL_TEST_FLEET")) return easel::server::testing::be_fleet_child();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

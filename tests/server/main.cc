// The tests of the server; as the child of one of them (child_server.h), a server.
#include <gtest/gtest.h>

#include <cstdlib>

#include "server/child_server.h"

int main(int argc, char** argv) {
  if (const char* folder = std::getenv("EASEL_TEST_SERVE")) {
    easel::server::testing::serve_as_child(folder);
    return 0;
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

#include "base/lru.h"

#include <gtest/gtest.h>

#include <string>

namespace easel {
namespace {

TEST(Lru, DropsTheLeastRecentlyUsedValue) {
  Lru<std::string, int> cache(3);
  cache.keep("a", 1);
  cache.keep("b", 2);
  cache.keep("c", 3);
  EXPECT_EQ(*cache.find("a"), 1);
  cache.keep("d", 4);
  EXPECT_EQ(cache.find("b"), nullptr);
  EXPECT_EQ(*cache.find("a"), 1);
  EXPECT_EQ(*cache.find("c"), 3);
  EXPECT_EQ(*cache.find("d"), 4);
}

TEST(Lru, KeepsToItsBudgetOfCharges) {
  Lru<int, std::string> cache(100);
  cache.keep(1, "x", 60);
  cache.keep(2, "y", 40);
  EXPECT_EQ(cache.charge(), 100u);
  cache.keep(3, "z", 1);
  EXPECT_EQ(cache.find(1), nullptr);
  EXPECT_EQ(cache.charge(), 41u);
  cache.keep(4, "too large", 101);
  EXPECT_EQ(cache.find(4), nullptr);
  EXPECT_EQ(cache.size(), 2u);
  cache.keep(5, "all of it", 100);
  EXPECT_EQ(cache.size(), 1u);
  cache.clear();
  EXPECT_EQ(cache.charge(), 0u);
  EXPECT_EQ(cache.find(5), nullptr);
}

TEST(Lru, ANewValueTakesThePlaceOfTheOld) {
  Lru<int, int> cache(10);
  cache.keep(1, 1, 8);
  cache.keep(1, 2, 3);
  EXPECT_EQ(*cache.find(1), 2);
  EXPECT_EQ(cache.charge(), 3u);
  cache.keep(1, 3, 11);  // the old one is out of date all the same
  EXPECT_EQ(cache.find(1), nullptr);
}

TEST(Lru, CountsValuesWithoutCharge) {
  Lru<int, int> cache(10, 2);
  for (int i = 0; i < 5; ++i) cache.keep(i, i, 0);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(*cache.find(4), 4);
}

}  // namespace
}  // namespace easel

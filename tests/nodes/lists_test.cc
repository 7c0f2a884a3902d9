// Lists on links: what runs for each of their values, and what sees them whole.
#include <gtest/gtest.h>

#include "artifacts/folder_store.h"
#include "library/folders.h"
#include "library/model_files.h"
#include "memory/resident.h"
#include "node_api/lists.h"

namespace easel::nodes {
namespace {

struct Sum {
  int64_t a = 0, b = 0;
};
struct All {
  LinkedList<int64_t> values;
  int64_t more = 0;
};
struct UpTo {
  int64_t count = 0;
};

class Lists : public ::testing::Test {
 protected:
  Lists() {
    table_.add(NodeOf<Sum>{.name = "Sum",
                           .inputs = {Int("a", &Sum::a), Int("b", &Sum::b)},
                           .run = [this](const Sum& in, Call& call) -> Results<int64_t> {
                             ++runs_;
                             call.show_text(std::to_string(in.a));
                             return {in.a + in.b};
                           }});
    table_.add(NodeOf<All>{.name = "All",
                           .inputs = {Link("values", &All::values), Int("more", &All::more)},
                           .run = [this](const All& in) -> Results<int64_t> {
                             ++runs_;
                             int64_t sum = in.more;
                             for (size_t i = 0; i < in.values.size(); ++i) sum += in.values[i];
                             return {sum};
                           }});
    table_.add(NodeOf<UpTo>{
        .name = "UpTo", .inputs = {Int("count", &UpTo::count)}, .run = [](const UpTo& in) -> Results<ListOf<int64_t>> {
          std::vector<int64_t> out;
          for (int64_t i = 0; i < in.count; ++i) out.push_back(i);
          return {std::move(out)};
        }});
  }

  Value run(const char* name, Call::Arguments arguments) {
    const workflow::NodeSpec* spec = table_.find(name, {});
    return run_over_lists(context_, table_.entry(*spec), "1", arguments, ui_).at(0);
  }

  static Value list(std::initializer_list<int64_t> values) {
    std::vector<Value> items;
    for (const int64_t v : values) items.push_back(computed<int64_t>(v));
    return list_of("INT", std::move(items));
  }

  static std::vector<int64_t> numbers(const Value& value) {
    std::vector<int64_t> out;
    for (const Value& item : value.as<ValueList>().items) out.push_back(item.as<int64_t>());
    return out;
  }

  Table table_;
  library::Folders folders_;
  memory::Residency residency_;
  library::ModelFiles files_;
  artifacts::FolderStore store_{artifacts::Directories()};
  Context context_{folders_, residency_, files_, store_};
  Ui ui_;
  int runs_ = 0;
};

TEST_F(Lists, ANodeRunsForEachValueAndTheLastIsRepeated) {
  Call::Arguments arguments;
  arguments.linked.emplace("a", list({1, 2, 3}));
  arguments.linked.emplace("b", list({10, 20}));
  EXPECT_EQ(numbers(run("Sum", arguments)), (std::vector<int64_t>{11, 22, 23}));
  EXPECT_EQ(runs_, 3);
  ASSERT_EQ(ui_.at("text").size(), 3u);
  EXPECT_EQ(*ui_.at("text")[2].text, "3");
}

TEST_F(Lists, TypedValuesAreTheSameInEachRun) {
  Call::Arguments arguments;
  arguments.linked.emplace("a", list({1, 2}));
  arguments.typed.emplace("b", int64_t{5});
  EXPECT_EQ(numbers(run("Sum", arguments)), (std::vector<int64_t>{6, 7}));
}

TEST_F(Lists, AListOfOneStaysAList) {
  Call::Arguments arguments;
  arguments.linked.emplace("a", list({4}));
  EXPECT_EQ(numbers(run("Sum", arguments)), (std::vector<int64_t>{4}));
}

TEST_F(Lists, ANodeThatTakesListsRunsOnceWithTheFirstOfTheOthers) {
  Call::Arguments arguments;
  arguments.linked.emplace("values", list({1, 2, 3}));
  arguments.linked.emplace("more", list({100, 200}));
  EXPECT_EQ(run("All", arguments).as<int64_t>(), 106);
  EXPECT_EQ(runs_, 1);
  Call::Arguments single;
  single.linked.emplace("values", computed<int64_t>(7));
  EXPECT_EQ(run("All", single).as<int64_t>(), 7);
}

TEST_F(Lists, ListsOfListsBecomeOne) {
  Call::Arguments arguments;
  arguments.linked.emplace("count", list({2, 3}));
  EXPECT_EQ(numbers(run("UpTo", arguments)), (std::vector<int64_t>{0, 1, 0, 1, 2}));
}

TEST_F(Lists, AnEmptyListIsAnError) {
  Call::Arguments arguments;
  arguments.typed.emplace("count", int64_t{0});
  EXPECT_THROW(run("UpTo", arguments), Error);
}

TEST_F(Lists, OfVeryManyValuesOrTextsAreRefused) {
  const auto fault_of = [&](const char* name, Call::Arguments arguments) {
    try {
      run(name, std::move(arguments));
    } catch (const Error& e) {
      return e.fault();
    }
    return Fault::kInternal;
  };
  Call::Arguments million;
  million.typed.emplace("count", int64_t{1'000'001});
  EXPECT_EQ(fault_of("UpTo", million), Fault::kMemory);
  table_.add(NodeOf<UpTo>{
      .name = "Long", .inputs = {Int("count", &UpTo::count)}, .run = [](const UpTo& in) -> Results<std::string> {
        return {std::string(static_cast<size_t>(in.count) << 20, 'x')};
      }});
  Call::Arguments one, several;
  one.typed.emplace("count", int64_t{17});
  EXPECT_EQ(fault_of("Long", one), Fault::kMemory) << "a text of 17 MiB";
  several.linked.emplace("count", list({15, 15, 15, 15, 15}));
  EXPECT_EQ(fault_of("Long", several), Fault::kMemory) << "75 MiB in a list";
  Call::Arguments few;
  few.linked.emplace("count", list({15, 15}));
  EXPECT_EQ(run("Long", few).as<ValueList>().items.size(), 2u);
}

TEST_F(Lists, AreToldToClients) {
  EXPECT_TRUE(table_.find("UpTo", {})->outputs[0].is_list);
  EXPECT_FALSE(table_.find("Sum", {})->outputs[0].is_list);
}

}  // namespace
}  // namespace easel::nodes

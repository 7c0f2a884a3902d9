// One connection to a database of PostgreSQL's, for one thread at a time: statements with values, and their rows.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace easel::server::postgres {

// The connection is gone, or could not be made. Whether the statement that was under way has been carried out is not
// known. To be caught by who tries again; not an Error, so that nobody takes it for the last word.
struct Lost {
  std::string why;
};
// The database undid the statement and asks to repeat it (a deadlock with another one).
struct Undone {
  std::string why;
};

// The values of a statement, for $1, $2, ...
class Values {
 public:
  Values() = default;
  Values& add(std::string value) {
    texts_.push_back(std::move(value));
    return *this;
  }
  Values& add(const char* value) { return add(std::string(value)); }
  Values& add(int64_t value) { return add(std::to_string(value)); }
  Values& add(int value) { return add(int64_t{value}); }
  Values& add(double value);
  Values& add(bool) = delete;
  // An enumeration is stored as its number.
  template <class Enum>
  requires std::is_enum_v<Enum> Values& add(Enum value) { return add(static_cast<int64_t>(value)); }

  const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::vector<std::string> texts_;
};
template <class... Types>
Values values(Types&&... all) {
  Values out;
  (out.add(std::forward<Types>(all)), ...);
  return out;
}
// As the text of one value of type text[], whatever the texts hold.
std::string text_array(const std::vector<std::string>& texts);
// The same of type integer[].
std::string integer_array(const std::vector<int64_t>& integers);

// What a statement gave. Columns are counted from 0.
class Rows {
 public:
  explicit Rows(PGresult* result);
  int size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::string text(int row, int column) const;
  int64_t integer(int row, int column) const;
  double real(int row, int column) const;
  bool flag(int row, int column) const;
  // A column of all rows.
  std::vector<std::string> texts(int column) const;

 private:
  std::shared_ptr<PGresult> result_;
  int size_ = 0;
};

// Throws Error(kUsage) unless libpq can read the URL.
void check_url(const std::string& url);

class Connection {
 public:
  // Connects to the database of the URL. Throws Lost if that does not work now, and Error(kBadFile) if it never will:
  // there is no such database, or no right to use it.
  explicit Connection(const std::string& url);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // One statement with its values; prepared when it comes the first time, so that `sql` should be one of few texts.
  // Throws Lost, Undone, or an Error that names the database.
  Rows run(const std::string& sql, const Values& values = {});
  // Statements that take and give no values.
  void script(const std::string& sql);

  // Calls take(channel, text) for every notification that is there; if there is none, waits for one until `descriptor`
  // can be read or the time is over. Throws Lost.
  template <class Take>
  void take_notifications(int descriptor, std::chrono::milliseconds longest, Take take) {
    if (take_those_there(take)) return;
    wait(descriptor, longest);
    take_those_there(take);
  }

  // The connection has failed, and can only be thrown away.
  bool broken() const { return broken_; }

 private:
  template <class Take>
  bool take_those_there(Take& take) {
    bool any = false;
    for (;; any = true) {
      const std::unique_ptr<PGnotify, void (*)(PGnotify*)> one(next_notification(), free_notification);
      if (!one) return any;
      take(std::string_view(one->relname), std::string_view(one->extra));
    }
  }
  Rows result(std::chrono::steady_clock::time_point until);
  void wait(int descriptor, std::chrono::milliseconds longest);
  PGnotify* next_notification();
  static void free_notification(PGnotify* notification);
  [[noreturn]] void lose(const std::string& why);
  [[noreturn]] void fail(const PGresult* result);

  const std::string name_;  // the URL without its password
  PGconn* connection_ = nullptr;
  std::map<std::string, std::string> prepared_;
  bool broken_ = false;
};

// BEGIN and COMMIT around statements; undone unless committed.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) { connection_.script("BEGIN"); }
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Connection& connection_;
  bool done_ = false;
};

}  // namespace easel::server::postgres

// SQLite, as the job store uses it: a connection, a statement, a transaction. Every failure is an Error that names the
// file: kMemory when the disk or the memory is full, kBadFile when the file is damaged, kInternal otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <type_traits>

struct sqlite3;
struct sqlite3_stmt;

namespace easel::server::sqlite {

// One connection, for one thread at a time: while a statement or a transaction of one thread lives, another thread's
// throws Error(kInternal). SQLite itself would not notice, and its memory would be damaged. Whoever shares a connection
// under a lock therefore lets statements and transactions end before the lock, as their ends are calls on the
// connection too.
class Database {
 public:
  // Opens the file, or makes it; ":memory:" for none. Throws Error(kBadFile) when that does not work.
  explicit Database(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::string& path() const { return path_; }
  // Runs statements that take and give no values.
  void script(const std::string& sql);
  // Rows that the last statement changed.
  int64_t changes() const;
  sqlite3* handle() const { return db_; }
  // Throws what the last call on the connection failed with.
  [[noreturn]] void fail() const;

 private:
  friend class Use;
  const std::string path_;
  sqlite3* db_ = nullptr;
  std::atomic<int> uses_{0};
  std::atomic<std::thread::id> user_;
};

// The time for which a statement or a transaction needs the connection for its thread.
class Use {
 public:
  explicit Use(Database& db);
  ~Use();
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  Database& db_;
};

// One statement with its values, bound from left to right.
class Statement {
 public:
  Statement(Database& db, const std::string& sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(const std::string& value);
  Statement& bind(int64_t value);
  Statement& bind(int value) { return bind(int64_t{value}); }
  Statement& bind(double value);
  // An enumeration is stored as its number.
  template <class Enum>
  requires std::is_enum_v<Enum> Statement& bind(Enum value) { return bind(static_cast<int64_t>(value)); }

  // Goes to the next row of the result; false behind the last one.
  bool row();
  // Runs to the end.
  void run();

  // The values of the row, by column from 0.
  std::string text(int column) const;
  int64_t integer(int column) const;
  double real(int column) const;

 private:
  Statement& check(int code);
  Database& db_;
  const Use use_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
};

// Takes the write lock at once, so that what is read inside stays true until the commit. Undone unless committed.
class Transaction {
 public:
  // kDisk: the commit waits until the disk has it. kSystem: what was committed survives the end of the process, but
  // perhaps not a failure of the power.
  enum class Flush { kDisk, kSystem };
  explicit Transaction(Database& db, Flush flush = Flush::kDisk);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  // Ends after the transaction, also where that could not begin: the next one waits for the disk again.
  class Unflushed {
   public:
    Unflushed(Database& db, Flush flush);
    ~Unflushed();
    Unflushed(const Unflushed&) = delete;
    Unflushed& operator=(const Unflushed&) = delete;

   private:
    Database& db_;
    const bool on_;
  };
  Database& db_;
  const Use use_;
  const Unflushed unflushed_;
  bool done_ = false;
};

}  // namespace easel::server::sqlite

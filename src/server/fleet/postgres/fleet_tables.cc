#include "server/fleet/postgres/fleet_tables.h"

#include <algorithm>

#include "artifacts/numbered.h"
#include "server/jobs/postgres/job_schema.h"
#include "server/jobs/postgres/pool.h"
#include "server/jobs/postgres/sql.h"
#include "workflow/json.h"

namespace easel::server {

using artifacts::Area;
using artifacts::Blob;
using artifacts::Name;
using postgres::Connection;
using postgres::kNow;
using postgres::kNowMicroseconds;
using postgres::Pool;
using postgres::Rows;
using postgres::values;
using workflow::Json;

namespace {

constexpr int kConnections = 4;

std::shared_ptr<Pool> open_pool(const std::string& url, const SharedStoreOptions& options) {
  return std::make_shared<Pool>(url, options.patience, std::min(options.connections, kConnections),
                                postgres::use_schema);
}

class Names final : public artifacts::NameIndex {
 public:
  explicit Names(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}

  std::optional<Blob> find(const Name& name) const override {
    return pool_->run([&](Connection& db, bool) -> std::optional<Blob> {
      const Rows rows =
          db.run("SELECT sha256, bytes FROM easel.artifacts WHERE area = $1 AND folder = $2 AND file = $3",
                 values(name.area, name.subfolder, name.file));
      if (rows.empty()) return std::nullopt;
      return Blob{rows.text(0, 0), static_cast<uint64_t>(rows.integer(0, 1))};
    });
  }

  void put(const Name& name, const Blob& blob) override {
    static const std::string kPut =
        "INSERT INTO easel.artifacts(area, folder, file, sha256, bytes, changed) VALUES($1, $2, $3, $4, $5, " +
        kNowMicroseconds +
        ") ON CONFLICT(area, folder, file) DO UPDATE SET sha256 = excluded.sha256, bytes = excluded.bytes, "
        "changed = excluded.changed";
    pool_->run([&](Connection& db, bool) {
      return db.run(kPut, values(name.area, name.subfolder, name.file, blob.sha256, static_cast<int64_t>(blob.bytes)));
    });
    count_past(name);
  }

  Blob put_new(const Name& name, const Blob& blob) override {
    Blob out = keep_new(name, blob);
    count_past(name);
    return out;
  }

  // A number that was taken by a call that was cut off is left out.
  std::string put_numbered(Area area, const std::string& subfolder, const std::string& stem,
                           const std::string& extension, const Blob& blob) override {
    // The first time, numbers go on behind those of names that were given otherwise.
    constexpr const char* kNext =
        "INSERT INTO easel.artifact_numbers(area, folder, stem, last) VALUES($1, $2, $3, 1) "
        "ON CONFLICT(area, folder, stem) DO UPDATE SET last = artifact_numbers.last + 1 RETURNING last";
    for (;;) {
      const int64_t number =
          pool_->run([&](Connection& db, bool) { return db.run(kNext, values(area, subfolder, stem)).integer(0, 0); });
      std::string file = artifacts::numbered_name(stem, number, extension);
      if (taken_from(area, subfolder, stem, number)) continue;
      if (keep_new({area, subfolder, file}, blob) == blob) return file;
    }
  }

  void remove(const Name& name) override {
    pool_->run([&](Connection& db, bool) {
      return db.run("DELETE FROM easel.artifacts WHERE area = $1 AND folder = $2 AND file = $3",
                    values(name.area, name.subfolder, name.file));
    });
  }

  std::vector<std::string> list(Area area) const override {
    return pool_->run([&](Connection& db, bool) {
      return db
          .run("SELECT file FROM easel.artifacts WHERE area = $1 AND folder = '' ORDER BY changed DESC, file DESC",
               values(area))
          .texts(0);
    });
  }

  uint64_t bytes_used(Area area) const override {
    return pool_->run([&](Connection& db, bool) {
      return static_cast<uint64_t>(
          db.run("SELECT coalesce(sum(bytes), 0)::bigint FROM easel.artifacts WHERE area = $1", values(area))
              .integer(0, 0));
    });
  }

  void expire(Area area, double seconds) override {
    static const std::string kExpire =
        "DELETE FROM easel.artifacts WHERE area = $1 AND changed < " + kNowMicroseconds + " - $2::bigint";
    pool_->run([&](Connection& db, bool) {
      return db.run(kExpire, values(area, static_cast<int64_t>(std::max(seconds, 0.0) * 1e6)));
    });
  }

  std::vector<std::string> unused(const std::vector<std::string>& sha256s) const override {
    return pool_->run([&](Connection& db, bool) {
      return db
          .run(
              "SELECT asked FROM unnest($1::text[]) AS asked "
              "WHERE NOT EXISTS (SELECT FROM easel.artifacts WHERE sha256 = asked)",
              values(postgres::text_array(sha256s)))
          .texts(0);
    });
  }

 private:
  // Nothing that is named otherwise gets a number that was counted before: a name with a number moves the counts on.
  void count_past(const Name& name) {
    for (size_t mark = name.file.find('_'); mark != std::string::npos; mark = name.file.find('_', mark + 1)) {
      const std::string digits =
          name.file.substr(mark + 1, name.file.find_first_not_of("0123456789", mark + 1) - mark - 1);
      if (digits.empty() || digits.size() > 15) continue;
      pool_->run([&](Connection& db, bool) {
        return db.run(
            "UPDATE easel.artifact_numbers SET last = $4::bigint "
            "WHERE area = $1 AND folder = $2 AND stem = $3 AND last < $4::bigint",
            values(name.area, name.subfolder, name.file.substr(0, mark), digits));
      });
    }
  }

  Blob keep_new(const Name& name, const Blob& blob) {
    static const std::string kPutNew =
        "INSERT INTO easel.artifacts(area, folder, file, sha256, bytes, changed) VALUES($1, $2, $3, $4, $5, " +
        kNowMicroseconds + ") ON CONFLICT(area, folder, file) DO NOTHING RETURNING file";
    for (;;) {
      const Rows rows = pool_->run([&](Connection& db, bool) {
        return db.run(kPutNew,
                      values(name.area, name.subfolder, name.file, blob.sha256, static_cast<int64_t>(blob.bytes)));
      });
      if (!rows.empty()) return blob;
      if (auto kept = find(name)) return *kept;  // else it was removed in between
    }
  }

  // Whether that number or a higher one is in use under any extension; then the count goes on behind it.
  bool taken_from(Area area, const std::string& subfolder, const std::string& stem, int64_t number) {
    constexpr const char* kHighest =
        "SELECT coalesce(max(substring(substr(file, length($3) + 1) FROM '^_([0-9]{1,15})')::bigint), 0) "
        "FROM easel.artifacts WHERE area = $1 AND folder = $2 AND starts_with(file, $3 || '_')";
    if (number > 1) return false;
    return pool_->run([&](Connection& db, bool) {
      const int64_t highest = db.run(kHighest, values(area, subfolder, stem)).integer(0, 0);
      if (highest < number) return false;
      db.run(
          "UPDATE easel.artifact_numbers SET last = greatest(last, $4::bigint) "
          "WHERE area = $1 AND folder = $2 AND stem = $3",
          values(area, subfolder, stem, highest));
      return true;
    });
  }

  const std::shared_ptr<Pool> pool_;
};

class Fronts final : public FrontTable {
 public:
  explicit Fronts(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}

  void publish(const FrontEnd& front) override {
    static const std::string kPublish =
        "INSERT INTO easel.front_ends(name, url, listeners, seen) VALUES($1, $2, $3, " + kNow +
        ") ON CONFLICT(name) DO UPDATE SET url = excluded.url, listeners = excluded.listeners, seen = excluded.seen";
    Json clients = Json::array();
    for (const std::string& client : front.clients) clients.push_back(client);
    std::string listeners = workflow::dump_json(
        Json{{"anybody", front.anybody}, {"watchers", front.watchers}, {"clients", std::move(clients)}});
    pool_->run([&](Connection& db, bool) { return db.run(kPublish, values(front.name, front.url, listeners)); });
  }

  void leave(const std::string& name) override {
    pool_->run(
        [&](Connection& db, bool) { return db.run("DELETE FROM easel.front_ends WHERE name = $1", values(name)); });
  }

  std::vector<FrontEnd> all() const override {
    static const std::string kAll =
        "SELECT name, url, listeners FROM easel.front_ends WHERE seen > " + kNow + " - $1::bigint ORDER BY name";
    return pool_->run([&](Connection& db, bool) {
      const Rows rows = db.run(kAll, values(int64_t{std::chrono::milliseconds(kAliveFor).count()}));
      std::vector<FrontEnd> out;
      for (int i = 0; i < rows.size(); ++i) {
        FrontEnd front;
        front.name = rows.text(i, 0);
        front.url = rows.text(i, 1);
        try {
          const Json listeners = workflow::parse_json(rows.text(i, 2));
          front.anybody = listeners.at("anybody").get<bool>();
          front.watchers = listeners.at("watchers").get<bool>();
          for (const Json& client : listeners.at("clients")) front.clients.insert(client.get<std::string>());
        } catch (const std::exception&) {
          front.anybody = front.watchers = true;  // written by another version: it will sort out what it gets
        }
        out.push_back(std::move(front));
      }
      return out;
    });
  }

  void ask_to_free(bool models, bool results) override {
    for (const auto& [asked, name] : {std::pair(models, "free_models"), std::pair(results, "free_results")})
      if (asked)
        pool_->run([&, fact = name](Connection& db, bool) {
          return db.run(
              "INSERT INTO easel.facts(name, value) VALUES($1, 1) "
              "ON CONFLICT(name) DO UPDATE SET value = facts.value + 1",
              values(fact));
        });
  }

  Asked asked_to_free() const override {
    return pool_->run([&](Connection& db, bool) {
      const Rows rows = db.run("SELECT name, value FROM easel.facts WHERE name IN ('free_models', 'free_results')");
      Asked out;
      for (int i = 0; i < rows.size(); ++i)
        (rows.text(i, 0) == "free_models" ? out.models : out.results) = rows.integer(i, 1);
      return out;
    });
  }

 private:
  const std::shared_ptr<Pool> pool_;
};

}  // namespace

FleetTables open_fleet_tables(const std::string& url, const SharedStoreOptions& options) {
  const auto pool = open_pool(url, options);
  return {std::make_unique<Names>(pool), std::make_unique<Fronts>(pool)};
}

}  // namespace easel::server

// Python pickles read as data: a stack machine that records the operations of the stream without executing any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace easel::formats {

// Decides which Python names a pickle may mention. Throws Error(kBadFile) to refuse `module`.`name`. It is not asked
// about a getattr that is called with a class or an object and the text "forward" or "forward_fuse", which is how a
// method is written.
using GlobalPolicy = void (*)(std::string_view module, std::string_view name);

// The object graph of a pickle. Values refer to each other by number, so that neither deep nesting nor
// cycles cost anything to hold or to free. Calls, instances and persistent ids are kept as records, which the user of
// the graph interprets.
class Pickle {
 public:
  using Ref = uint32_t;
  static constexpr Ref kNothing = ~Ref{0};

  enum class Kind : uint8_t {
    kNone,
    kBool,        // integer
    kInt,         // integer
    kBigInt,      // text: two's complement bytes, little endian (binary form) or decimal digits (text form)
    kFloat,       // number
    kString,      // text, UTF-8 unless the writer was Python 2
    kBytes,       // text
    kList,        // items
    kTuple,       // items
    kSet,         // items
    kDict,        // items: key, value, key, value, ...
    kGlobal,      // text: "module.name"
    kPersistent,  // items: the id
    kCall,        // items: callable, arguments, state or kNothing; pairs and elements added afterwards
  };

  struct Value {
    Kind kind = Kind::kNone;
    int64_t integer = 0;
    double number = 0;
    std::string_view text;
    std::vector<Ref> items;
  };

  // For a kCall: what was called, with what, the state it was given, and what was put in later.
  struct Call {
    Ref callable, arguments, state;
    std::span<const Ref> added;  // of a dict-like: key, value, ...; of a list-like: elements
  };

  const Value& operator[](Ref ref) const { return values_[ref]; }
  const Value& root() const { return values_[root_]; }
  Ref root_ref() const { return root_; }
  size_t size() const { return values_.size(); }
  Call call(const Value& value) const;
  // Bytes of the stream up to and with the final STOP.
  size_t consumed() const { return consumed_; }

  // Reads one pickle (protocols 0 to 5) from the front of `stream`, which must outlive the result: texts
  // point into it. Throws Error(kBadFile) for anything malformed, for the opcodes that only an executing
  // reader could serve, beyond fixed limits of size, and what `policy` throws.
  static Pickle read(std::span<const uint8_t> stream, GlobalPolicy policy);

 private:
  friend class PickleMachine;
  Pickle() = default;

  std::vector<Value> values_;
  std::deque<std::string> texts_;  // texts that had to be decoded
  Ref root_ = 0;
  size_t consumed_ = 0;
};

}  // namespace easel::formats

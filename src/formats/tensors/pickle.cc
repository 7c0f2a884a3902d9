#include "formats/tensors/pickle.h"

#include <bit>
#include <charconv>
#include <unordered_map>

#include "base/error.h"
#include "formats/utf8.h"

namespace easel::formats {
namespace {

// No published checkpoint comes near these limits; a larger file is an attempt to exhaust memory.
constexpr size_t kMaxValues = 2'000'000;
constexpr size_t kMaxSteps = 64'000'000;
constexpr size_t kMaxStack = 2'000'000;
constexpr size_t kMaxName = 256;
constexpr size_t kMaxDecoded = size_t{64} << 20;  // bytes of all texts that do not stand in the stream as they are

[[noreturn]] void bad(const std::string& message) { throw Error(Fault::kBadFile, "damaged pickle: " + message); }

// `count` hexadecimal digits at `at`, or false.
bool hex_digits(std::string_view s, size_t at, size_t count, uint32_t* out) {
  if (at > s.size() || s.size() - at < count) return false;
  const auto [end, code] = std::from_chars(s.data() + at, s.data() + at + count, *out, 16);
  return code == std::errc() && end == s.data() + at + count;
}

// The escapes of Python's repr() of a byte string.
std::string unescape_string(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] != '\\' || i + 1 == s.size()) {
      out += s[i];
      continue;
    }
    uint32_t code = 0;
    switch (s[++i]) {
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'x':
        if (!hex_digits(s, i + 1, 2, &code)) bad("a text escape is cut short");
        out += static_cast<char>(code);
        i += 2;
        break;
      default: out += s[i];
    }
  }
  return out;
}

// Python's raw-unicode-escape: Latin-1 bytes with \uXXXX and \UXXXXXXXX.
std::string unescape_unicode(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    uint32_t code = 0;
    if (s[i] == '\\' && i + 1 < s.size() && s[i + 1] == 'u' && hex_digits(s, i + 2, 4, &code)) {
      append_utf8(out, code);
      i += 5;
    } else if (s[i] == '\\' && i + 1 < s.size() && s[i + 1] == 'U' && hex_digits(s, i + 2, 8, &code)) {
      append_utf8(out, code);
      i += 9;
    } else {
      append_utf8(out, static_cast<uint8_t>(s[i]));
    }
  }
  return out;
}

}  // namespace

class PickleMachine {
 public:
  PickleMachine(std::span<const uint8_t> stream, GlobalPolicy policy) : in_(stream), policy_(policy) {}

  Pickle run() {
    for (size_t steps = 0;; ++steps) {
      if (steps > kMaxSteps) bad("it is longer than any model file needs");
      const uint8_t op = byte();
      if (op == '.') break;
      if (!simple(op) && !number(op) && !text(op) && !container(op) && !memo(op) && !call(op))
        bad("opcode " + std::to_string(op) + " at byte " + std::to_string(at_ - 1) + " is not one that data need");
    }
    out_.root_ = pop();
    out_.consumed_ = at_;
    check_attributes();
    return std::move(out_);
  }

 private:
  using Kind = Pickle::Kind;
  using Ref = Pickle::Ref;
  using Value = Pickle::Value;

  uint8_t byte() {
    if (at_ >= in_.size()) bad("it ends too early");
    return in_[at_++];
  }
  uint64_t little_endian(int bytes) {
    uint64_t v = 0;
    for (int i = 0; i < bytes; ++i) v |= static_cast<uint64_t>(byte()) << (8 * i);
    return v;
  }
  std::string_view take(uint64_t bytes) {
    if (bytes > in_.size() - at_) bad("it ends too early");
    const std::string_view s(reinterpret_cast<const char*>(in_.data()) + at_, bytes);
    at_ += bytes;
    return s;
  }
  std::string_view line() {
    const size_t start = at_;
    while (byte() != '\n') {
    }
    return {reinterpret_cast<const char*>(in_.data()) + start, at_ - 1 - start};
  }

  Value& push(Kind kind) {
    if (out_.values_.size() >= kMaxValues) bad("it holds more values than any model file needs");
    push_ref(static_cast<Ref>(out_.values_.size()));
    out_.values_.emplace_back().kind = kind;
    return out_.values_.back();
  }
  void push_int(int64_t v) { push(Kind::kInt).integer = v; }
  void push_text(Kind kind, std::string_view s) { push(kind).text = s; }
  void push_decoded(Kind kind, std::string s) {
    decoded_ += s.size();
    if (decoded_ > kMaxDecoded) bad("it holds more text than any model file needs");
    push(kind).text = out_.texts_.emplace_back(std::move(s));
  }
  void push_ref(Ref ref) {
    if (stack_.size() >= kMaxStack) bad("its stack grows beyond what a model file needs");
    stack_.push_back(ref);
  }
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Ref pop() {
    if (stack_.size() <= floor()) bad("it takes a value that is not there");
    const Ref r = stack_.back();
    stack_.pop_back();
    return r;
  }
  Value& top() {
    if (stack_.size() <= floor()) bad("it takes a value that is not there");
    return out_.values_[stack_.back()];
  }
  std::vector<Ref> pop_to_mark() {
    if (marks_.empty()) bad("it takes a mark that is not there");
    const auto first = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
    std::vector<Ref> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }

  bool simple(uint8_t op) {
    switch (op) {
      case 0x80:  // PROTO
        if (byte() > 5) bad("its protocol is newer than 5");
        return true;
      case 0x95: take(8); return true;  // FRAME
      case '(': marks_.push_back(stack_.size()); return check_marks();
      case '0':  // POP: a value, or a mark left on top
        if (stack_.size() == floor() && !marks_.empty()) marks_.pop_back();
        else pop();
        return true;
      case '1': pop_to_mark(); return true;
      case '2': {  // DUP
        top();
        push_ref(stack_.back());
        return true;
      }
      case 'N': push(Kind::kNone); return true;
      case 0x88:
      case 0x89: push(Kind::kBool).integer = op == 0x88; return true;
      default: return false;
    }
  }
  bool check_marks() {
    if (marks_.size() > kMaxStack) bad("its stack grows beyond what a model file needs");
    return true;
  }

  bool number(uint8_t op) {
    switch (op) {
      case 'K': push_int(byte()); return true;
      case 'M': push_int(static_cast<int64_t>(little_endian(2))); return true;
      case 'J': push_int(static_cast<int32_t>(little_endian(4))); return true;
      case 0x8a: long_int(take(byte())); return true;
      case 0x8b: long_int(take(little_endian(4))); return true;
      case 'I':
      case 'L': text_int(line()); return true;
      case 'F': {
        const std::string_view s = line();
        double v = 0;
        const auto [end, code] = std::from_chars(s.data(), s.data() + s.size(), v);
        if (code != std::errc() || end != s.data() + s.size()) bad("a number is malformed");
        push(Kind::kFloat).number = v;
        return true;
      }
      case 'G': {  // big endian
        uint64_t bits = 0;
        for (int i = 0; i < 8; ++i) bits = bits << 8 | byte();
        push(Kind::kFloat).number = std::bit_cast<double>(bits);
        return true;
      }
      default: return false;
    }
  }
  void long_int(std::string_view bytes) {
    if (bytes.size() > 8) return push_text(Kind::kBigInt, bytes);
    uint64_t v = 0;
    for (size_t i = 0; i < bytes.size(); ++i) v |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
    const size_t unused = 64 - 8 * bytes.size();
    // Sign-extend from the last byte given.
    push_int(bytes.empty() ? 0 : static_cast<int64_t>(v << unused) >> unused);
  }
  void text_int(std::string_view s) {
    if (s == "00" || s == "01") {
      push(Kind::kBool).integer = s == "01";
      return;
    }
    if (s.ends_with('L')) s.remove_suffix(1);
    int64_t v = 0;
    const auto [end, code] = std::from_chars(s.data(), s.data() + s.size(), v);
    if (end != s.data() + s.size() || s.empty()) bad("a number is malformed");
    if (code == std::errc()) push_int(v);
    else push_text(Kind::kBigInt, s);
  }

  bool text(uint8_t op) {
    switch (op) {
      case 'T':  // Python 2's text
      case 'X': push_text(Kind::kString, take(little_endian(4))); return true;
      case 'U':  // the same, short
      case 0x8c: push_text(Kind::kString, take(byte())); return true;
      case 0x8d: push_text(Kind::kString, take(little_endian(8))); return true;
      case 'B': push_text(Kind::kBytes, take(little_endian(4))); return true;
      case 'C': push_text(Kind::kBytes, take(byte())); return true;
      case 0x8e:
      case 0x96: push_text(Kind::kBytes, take(little_endian(8))); return true;
      case 'V': push_decoded(Kind::kString, unescape_unicode(line())); return true;
      case 'S': {
        std::string_view s = line();
        if (s.size() < 2 || s.front() != s.back() || (s.front() != '\'' && s.front() != '"'))
          bad("a text lacks its quotes");
        s.remove_prefix(1);
        s.remove_suffix(1);
        push_decoded(Kind::kString, unescape_string(s));
        return true;
      }
      default: return false;
    }
  }

  bool container(uint8_t op) {
    switch (op) {
      case ']': push(Kind::kList); return true;
      case ')': push(Kind::kTuple); return true;
      case '}': push(Kind::kDict); return true;
      case 0x8f: push(Kind::kSet); return true;
      case 'l': return push_items(Kind::kList, pop_to_mark());
      case 't': return push_items(Kind::kTuple, pop_to_mark());
      case 0x91: return push_items(Kind::kSet, pop_to_mark());  // FROZENSET
      case 'd': return push_items(Kind::kDict, even(pop_to_mark()));
      case 0x85: return push_last(1);
      case 0x86: return push_last(2);
      case 0x87: return push_last(3);
      case 'a': return add({pop()}, false);
      case 'e':   // APPENDS
      case 0x90:  // ADDITEMS
        return add(pop_to_mark(), false);
      case 's': {
        const Ref value = pop(), key = pop();
        return add({key, value}, true);
      }
      case 'u': return add(even(pop_to_mark()), true);
      default: return false;
    }
  }
  static std::vector<Ref> even(std::vector<Ref> items) {
    if (items.size() % 2 != 0) bad("a dictionary has a key without a value");
    return items;
  }
  bool push_items(Kind kind, std::vector<Ref> items) {
    push(kind).items = std::move(items);
    return true;
  }
  bool push_last(size_t count) {
    std::vector<Ref> items(count);
    while (count-- > 0) items[count] = pop();
    return push_items(Kind::kTuple, std::move(items));
  }
  bool add(const std::vector<Ref>& items, bool pairs) {
    Value& target = top();
    const bool fits = target.kind == Kind::kCall ||
                      (pairs ? target.kind == Kind::kDict : target.kind == Kind::kList || target.kind == Kind::kSet);
    if (!fits) bad("it adds items to what cannot hold them");
    target.items.insert(target.items.end(), items.begin(), items.end());
    return true;
  }

  bool memo(uint8_t op) {
    switch (op) {
      case 'p': return put(memo_name(line()));
      case 'q': return put(byte());
      case 'r': return put(little_endian(4));
      case 0x94: return put(memo_.size());
      case 'g': return get(memo_name(line()));
      case 'h': return get(byte());
      case 'j': return get(little_endian(4));
      default: return false;
    }
  }
  static uint64_t memo_name(std::string_view s) {
    uint64_t v = 0;
    const auto [end, code] = std::from_chars(s.data(), s.data() + s.size(), v);
    if (code != std::errc() || end != s.data() + s.size()) bad("a memo number is malformed");
    return v;
  }
  bool put(uint64_t name) {
    top();
    if (memo_.size() >= kMaxValues) bad("it remembers more values than any model file needs");
    memo_[name] = stack_.back();
    return true;
  }
  bool get(uint64_t name) {
    const auto it = memo_.find(name);
    if (it == memo_.end()) bad("it recalls a value it never stored");
    push_ref(it->second);
    return true;
  }

  // Opcodes an executing reader would act upon.
  bool call(uint8_t op) {
    switch (op) {
      case 'c': {
        const std::string_view module = line();
        return push_global(module, line());
      }
      case 0x93: {
        const Value name = out_.values_[pop()], module = out_.values_[pop()];
        if (name.kind != Kind::kString || module.kind != Kind::kString) bad("a Python name is not text");
        return push_global(module.text, name.text);
      }
      case 'P': {
        push_text(Kind::kString, line());
        return push_items(Kind::kPersistent, {pop()});
      }
      case 'Q': return push_items(Kind::kPersistent, {pop()});
      case 'R':     // REDUCE
      case 0x81: {  // NEWOBJ
        const Ref arguments = pop(), callable = pop();
        return push_call(callable, arguments);
      }
      case 0x92: {  // NEWOBJ_EX: keyword arguments are dropped
        pop();
        const Ref arguments = pop(), callable = pop();
        return push_call(callable, arguments);
      }
      case 'i': {  // INST
        const std::string_view module = line(), name = line();
        push_items(Kind::kTuple, pop_to_mark());
        const Ref arguments = pop();
        push_global(module, name);
        const Ref callable = pop();
        return push_call(callable, arguments);
      }
      case 'o': {  // OBJ
        std::vector<Ref> items = pop_to_mark();
        if (items.empty()) bad("an object has no class");
        const Ref callable = items.front();
        items.erase(items.begin());
        push_items(Kind::kTuple, std::move(items));
        return push_call(callable, pop());
      }
      case 'b': {  // BUILD: the state of an instance; of a plain value there is nothing to set
        const Ref state = pop();
        if (top().kind == Kind::kCall) top().items[2] = state;
        return true;
      }
      default: return false;
    }
  }
  bool push_global(std::string_view module, std::string_view name) {
    if (module.size() > kMaxName || name.size() > kMaxName) bad("a Python name is far too long");
    if ((module == "builtins" || module == "__builtin__") && name == "getattr") reads_attributes_ = true;
    else policy_(module, name);
    push_decoded(Kind::kGlobal, std::string(module) + "." + std::string(name));
    return true;
  }
  bool push_call(Ref callable, Ref arguments) {
    // A persistent id stands for a class in files from before PyTorch 1.6, which kept its source beside it.
    // A type of Python's own may be the result of a call: dill writes them so.
    const Value& called = out_.values_[callable];
    const bool type = called.kind == Kind::kCall && out_.values_[called.items[0]].text == "dill._dill._load_type";
    if (called.kind != Kind::kGlobal && called.kind != Kind::kPersistent && !type)
      bad("it calls something that is not a named function");
    if (out_.values_[arguments].kind != Kind::kTuple) bad("it calls a function with something that is not a tuple");
    return push_items(Kind::kCall, {callable, arguments, Pickle::kNothing});
  }

  bool names_getattr(Ref ref) const {
    const Value& v = out_.values_[ref];
    return v.kind == Kind::kGlobal && (v.text == "builtins.getattr" || v.text == "__builtin__.getattr");
  }
  // Python writes a method of a class, such as one that a module of torch keeps, as getattr(class, "forward"), and that
  // of an object, such as ultralytics' fuse() sets, as getattr(object, "forward_fuse"). Those and nothing else getattr
  // may stand for, and nothing calls them; the policy has its say about every other mention.
  void check_attributes() const {
    if (!reads_attributes_) return;
    const auto refuse = [&](Ref ref) {
      if (names_getattr(ref))
        policy_(std::string_view(out_.values_[ref].text).substr(0, out_.values_[ref].text.find('.')), "getattr");
    };
    refuse(out_.root_);
    for (const Value& v : out_.values_)
      for (size_t i = 0; i < v.items.size(); ++i) {
        if (v.items[i] == Pickle::kNothing) continue;
        if (i != 0 || v.kind != Kind::kCall || !is_method(out_.values_[v.items[1]])) refuse(v.items[i]);
      }
  }
  bool is_method(const Value& arguments) const {
    if (arguments.items.size() != 2) return false;
    const Value &owner = out_.values_[arguments.items[0]], &name = out_.values_[arguments.items[1]];
    const bool owns = owner.kind == Kind::kGlobal || owner.kind == Kind::kCall;
    return owns && name.kind == Kind::kString && (name.text == "forward" || name.text == "forward_fuse");
  }

  std::span<const uint8_t> in_;
  GlobalPolicy policy_;
  bool reads_attributes_ = false;
  size_t at_ = 0, decoded_ = 0;
  std::vector<Ref> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, Ref> memo_;
  Pickle out_;
};

Pickle::Call Pickle::call(const Value& value) const {
  if (value.kind != Kind::kCall) throw Error(Fault::kInternal, "not a call");
  return {value.items[0], value.items[1], value.items[2], std::span(value.items).subspan(3)};
}

Pickle Pickle::read(std::span<const uint8_t> stream, GlobalPolicy policy) {
  return PickleMachine(stream, policy).run();
}

}  // namespace easel::formats

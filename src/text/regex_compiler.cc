// The reader of regular expressions.
#include <algorithm>

#include "formats/utf8.h"
#include "text/regex_program.h"

namespace easel::text {
namespace {

using namespace regex;  // NOLINT(google-build-using-namespace): this is its other half

constexpr size_t kMostInstructions = 20000, kMostDepth = 60;
constexpr int64_t kUnbounded = -1, kMostRepeats = 1000;

// Reads a pattern and writes its program.
class Compiler {
 public:
  Compiler(std::string_view pattern, Regex::Flags flags, std::vector<Instruction>& code, std::vector<Set>& sets,
           std::map<std::string, size_t, std::less<>>& names)
      : text_(decode_utf8(pattern)), flags_(flags), code_(code), sets_(sets), names_(names) {}

  void run() {
    alternatives(0);
    if (at_ < text_.size()) fail("has a ) too many");
    emit({.op = Op::kMatch});
  }
  size_t groups() const { return groups_; }
  size_t marks() const { return marks_; }
  Regex::Flags flags() const { return flags_; }

 private:
  bool ends() const { return at_ >= text_.size(); }
  int32_t peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : 0; }
  bool take(char c) {
    if (ends() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  int32_t next() {
    if (ends()) fail("ends too early");
    return text_[at_++];
  }
  int32_t here() const { return static_cast<int32_t>(code_.size()); }
  size_t emit(const Instruction& one) {
    if (code_.size() >= kMostInstructions) fail("is too large");
    code_.push_back(one);
    return code_.size() - 1;
  }

  void alternatives(size_t depth) {
    if (depth > kMostDepth) fail("is nested too deep");
    const size_t begin = code_.size();
    sequence(depth);
    std::vector<size_t> jumps;
    size_t branch = begin;
    while (take('|')) {
      // What stands there already becomes the first of two ways.
      jumps.push_back(emit({.op = Op::kJump}));
      insert(branch, {.op = Op::kSplit, .a = static_cast<int32_t>(branch) + 1, .b = here() + 1});
      for (size_t& jump : jumps)
        if (jump >= branch) ++jump;
      branch = code_.size();
      sequence(depth);
    }
    for (const size_t jump : jumps) code_[jump].a = here();
  }

  // Puts an instruction before others, whose targets move with them.
  void insert(size_t where, Instruction one) {
    if (code_.size() >= kMostInstructions) fail("is too large");
    for (size_t i = where; i < code_.size(); ++i) {
      Instruction& it = code_[i];
      if (it.op == Op::kSplit) {
        if (it.a >= static_cast<int32_t>(where)) ++it.a;
        if (it.b >= static_cast<int32_t>(where)) ++it.b;
      } else if (it.op == Op::kJump || it.op == Op::kLook) {
        if (it.a >= static_cast<int32_t>(where)) ++it.a;
      }
    }
    code_.insert(code_.begin() + static_cast<std::ptrdiff_t>(where), one);
  }

  void sequence(size_t depth) {
    while (!ends() && peek() != '|' && peek() != ')') repeated(depth);
  }

  // An atom and how often it comes.
  void repeated(size_t depth) {
    const size_t begin = code_.size(), source = at_;
    atom(depth);
    int64_t least = 1, most = 1;
    if (take('*')) {
      least = 0;
      most = kUnbounded;
    } else if (take('+')) {
      most = kUnbounded;
    } else if (take('?')) {
      least = 0;
    } else if (peek() != '{' || !counts(least, most)) {
      return;
    }
    const bool lazy = take('?');
    if (!lazy && (peek() == '+' || peek() == '*' || peek() == '{')) fail("repeats a repetition");
    if (code_.size() == begin && source == at_) return;
    const std::vector<Instruction> body(code_.begin() + static_cast<std::ptrdiff_t>(begin), code_.end());
    code_.resize(begin);
    const auto copy = [&] {
      const auto shift = static_cast<int32_t>(code_.size()) - static_cast<int32_t>(begin);
      for (Instruction one : body) {
        if (one.op == Op::kSplit || one.op == Op::kJump || one.op == Op::kLook) one.a += shift;
        if (one.op == Op::kSplit) one.b += shift;
        emit(one);
      }
    };
    const auto split = [&](size_t at, int32_t into, int32_t past) {
      code_[at].a = lazy ? past : into;
      code_[at].b = lazy ? into : past;
    };
    for (int64_t i = 0; i < least; ++i) copy();
    if (most == kUnbounded) {
      // A round may be empty, but not two of them in the same place (as in CPython).
      const auto mark = static_cast<int32_t>(marks_++);
      emit({.op = Op::kForget, .a = mark});
      const size_t loop = emit({.op = Op::kSplit});
      emit({.op = Op::kMark, .a = mark});
      copy();
      emit({.op = Op::kJump, .a = static_cast<int32_t>(loop)});
      split(loop, static_cast<int32_t>(loop) + 1, here());
      return;
    }
    std::vector<size_t> splits;
    for (int64_t i = least; i < most; ++i) {
      splits.push_back(emit({.op = Op::kSplit}));
      copy();
    }
    for (const size_t at : splits) split(at, static_cast<int32_t>(at) + 1, here());
  }

  // {m}, {m,}, {,n}, {m,n}; anything else is a brace.
  bool counts(int64_t& least, int64_t& most) {
    const size_t begin = at_;
    ++at_;
    const auto number = [&]() -> int64_t {
      int64_t value = -1;
      while (peek() >= '0' && peek() <= '9') {
        value = std::max<int64_t>(value, 0) * 10 + (next() - '0');
        if (value > kMostRepeats) fail("repeats more than " + std::to_string(kMostRepeats) + " times");
      }
      return value;
    };
    const int64_t first = number();
    const bool comma = take(',');
    const int64_t second = comma ? number() : first;
    if (!take('}') || (first < 0 && second < 0)) {
      at_ = begin;
      return false;
    }
    least = std::max<int64_t>(first, 0);
    most = comma && second < 0 ? kUnbounded : second;
    if (most != kUnbounded && most < least) fail("repeats at most fewer times than at least");
    return true;
  }

  void atom(size_t depth) {
    const int32_t c = next();
    switch (c) {
      case '(': return group(depth);
      case '[': return set();
      case '.': emit({.op = Op::kAny}); return;
      case '^': emit({.op = Op::kBegin}); return;
      case '$': emit({.op = Op::kEnd}); return;
      case '\\': return escape();
      case '*':
      case '+':
      case '?': fail("repeats nothing");
      case '{':
      default: character(c);
    }
  }

  void character(int32_t c) { emit({.op = Op::kChar, .a = flags_.ignore_case ? folded(c) : c}); }

  void group(size_t depth) {
    if (!take('?')) return capture(depth, {});
    const int32_t kind = next();
    if (kind == ':') {
      alternatives(depth + 1);
    } else if (kind == 'P' && peek() == '<') {
      ++at_;
      return capture(depth, name('>'));
    } else if (kind == 'P' && peek() == '=') {
      ++at_;
      const std::string of = name(')');
      const auto found = names_.find(of);
      if (found == names_.end()) fail("refers to the group '" + of + "', which it has not");
      emit({.op = Op::kBack, .a = static_cast<int32_t>(found->second)});
      return;
    } else if (kind == '=' || kind == '!') {
      look(depth, kind == '!', false);
    } else if (kind == '<' && (peek() == '=' || peek() == '!')) {
      look(depth, next() == '!', true);
    } else if (kind == 'i' || kind == 'm' || kind == 's' || kind == 'u') {
      for (int32_t flag = kind;; flag = next()) {
        if (flag == ')') return;
        if (flag == 'i') flags_.ignore_case = true;
        else if (flag == 'm') flags_.multiline = true;
        else if (flag == 's') flags_.dot_all = true;
        else if (flag != 'u') fail("has a flag that is not there");
      }
    } else {
      fail("has a kind of group that is not there");
    }
    if (!take(')')) fail("lacks a )");
  }

  std::string name(char end) {
    std::string out;
    while (!take(end)) formats::append_utf8(out, static_cast<uint32_t>(next()));
    return out;
  }

  void capture(size_t depth, const std::string& called) {
    const size_t number = ++groups_;
    if (number > 99) fail("has more than 99 groups");
    if (!called.empty()) names_[called] = number;
    emit({.op = Op::kSave, .a = static_cast<int32_t>(2 * number)});
    alternatives(depth + 1);
    if (!take(')')) fail("lacks a )");
    emit({.op = Op::kSave, .a = static_cast<int32_t>(2 * number + 1)});
  }

  void look(size_t depth, bool negated, bool behind) {
    const size_t at = emit({.op = Op::kLook, .flag = negated});
    alternatives(depth + 1);
    emit({.op = Op::kMatch});
    code_[at].a = here();
    code_[at].b = behind ? length(at + 1, code_.size() - 1) : 0;
    if (behind && code_[at].b < 0) fail("looks behind for what has no one length");
  }

  // How many characters the instructions from..to take, or -1 where that is not always the same.
  int32_t length(size_t from, size_t to) const {
    int32_t sum = 0;
    for (size_t i = from; i < to; ++i) {
      const Instruction& one = code_[i];
      if (one.op == Op::kChar || one.op == Op::kAny || one.op == Op::kSet) ++sum;
      else if (one.op == Op::kSplit || one.op == Op::kJump || one.op == Op::kBack || one.op == Op::kForget) return -1;
      else if (one.op == Op::kLook) i = static_cast<size_t>(one.a) - 1;
    }
    return sum;
  }

  void escape() {
    const int32_t c = next();
    if (c == 'd' || c == 'D' || c == 'w' || c == 'W' || c == 's' || c == 'S') {
      Set one;
      one.classes = static_cast<char>(c);
      return add_set(std::move(one));
    }
    if (c == 'b') emit({.op = Op::kWord});
    else if (c == 'B') emit({.op = Op::kNotWord});
    else if (c == 'A') emit({.op = Op::kTextBegin});
    else if (c == 'Z') emit({.op = Op::kTextEnd});
    else if (c >= '1' && c <= '9') {
      int32_t number = c - '0';
      if (peek() >= '0' && peek() <= '9') number = number * 10 + (next() - '0');
      if (static_cast<size_t>(number) > groups_) fail("refers to a group that it has not");
      emit({.op = Op::kBack, .a = number});
    } else {
      character(escaped(c));
    }
  }

  // A single character that stands behind a backslash.
  int32_t escaped(int32_t c) {
    switch (c) {
      case 'n': return '\n';
      case 't': return '\t';
      case 'r': return '\r';
      case 'f': return '\f';
      case 'v': return '\v';
      case 'a': return 7;
      case '0': return 0;
      case 'x': return hex(2);
      case 'u': return hex(4);
      default: break;
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) fail("has an escape that is not there");
    return c;
  }
  int32_t hex(int digits) {
    int32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const int32_t c = next();
      const int32_t digit = c >= '0' && c <= '9'                 ? c - '0'
                            : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                                 : -1;
      if (digit < 0) fail("has an escape that is no number");
      value = value * 16 + digit;
    }
    return value;
  }

  void add_set(Set one) {
    sets_.push_back(std::move(one));
    emit({.op = Op::kSet, .a = static_cast<int32_t>(sets_.size()) - 1});
  }

  void set() {
    Set out;
    out.negated = take('^');
    for (bool first = true; first || peek() != ']'; first = false) {
      int32_t c = next();
      if (c == '\\') {
        c = next();
        if (c == 'd' || c == 'D' || c == 'w' || c == 'W' || c == 's' || c == 'S') {
          out.classes += static_cast<char>(c);
          continue;
        }
        c = c == 'b' ? 8 : escaped(c);
      }
      int32_t to = c;
      if (peek() == '-' && peek(1) != ']' && at_ + 1 < text_.size()) {
        ++at_;
        to = next();
        if (to == '\\') to = escaped(next());
        if (to < c) fail("has a range that runs backwards");
      }
      out.ranges.emplace_back(c, to);
    }
    ++at_;
    add_set(std::move(out));
  }

  CodePoints text_;
  Regex::Flags flags_;
  std::vector<Instruction>& code_;
  std::vector<Set>& sets_;
  std::map<std::string, size_t, std::less<>>& names_;
  size_t at_ = 0, groups_ = 0, marks_ = 0;
};

}  // namespace

Regex::Regex(std::string_view pattern, Flags flags) : program_(std::make_unique<Program>()) {
  Compiler compiler(pattern, flags, program_->code, program_->sets, program_->names);
  compiler.run();
  program_->flags = compiler.flags();
  program_->groups = compiler.groups();
  program_->marks = compiler.marks();
}
Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

}  // namespace easel::text

#include "text/regex.h"

#include <algorithm>

#include "base/error.h"
#include "formats/utf8.h"
#include "text/regex_program.h"

namespace easel::text {
namespace {

using namespace regex;  // NOLINT(google-build-using-namespace): this is its other half

constexpr size_t kMostSteps = 4000000;

// One run of a program: tries the first of two ways and comes back for the other.
class Matcher {
 public:
  Matcher(const std::vector<Instruction>& code, const std::vector<Set>& sets, Regex::Flags flags, size_t groups,
          size_t marks, const CodePoints& text)
      : code_(code), sets_(sets), flags_(flags), text_(text), slots_(2 * (groups + 1), kNone), marks_(marks, kNone) {}

  // `advance`: a match must not be empty, as one at this place was already.
  bool run(size_t at, bool whole, bool advance = false) {
    std::fill(slots_.begin(), slots_.end(), kNone);
    std::fill(marks_.begin(), marks_.end(), kNone);
    whole_ = whole;
    advance_from_ = advance ? at : kNone;
    size_t end = 0;
    if (!follow(0, at, end)) return false;
    slots_[0] = at;
    slots_[1] = end;
    return true;
  }
  Regex::Match match() const {
    Regex::Match out;
    for (size_t g = 0; 2 * g < slots_.size(); ++g) {
      const size_t from = slots_[2 * g], to = slots_[2 * g + 1];
      out.groups.push_back(from == kNone || to == kNone ? std::nullopt : std::optional(std::pair(from, to)));
    }
    return out;
  }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  struct Back {
    enum class Kind : uint8_t { kTry, kSlot, kMark } kind;
    size_t a, b;  // where to go on, and at which character; or which slot or mark, and what it was
  };

  void step() {
    if (++steps_ > kMostSteps) fail("takes too many steps on this text");
  }

  bool word_at(size_t at) const { return at < text_.size() && is_word(text_[at]); }
  bool border(size_t at) const { return (at > 0 && word_at(at - 1)) != word_at(at); }

  bool follow(size_t begin, size_t at, size_t& end) {
    std::vector<Back> stack;
    size_t pc = begin;
    for (;;) {
      step();
      const Instruction& one = code_[pc];
      bool good = true;
      switch (one.op) {
        case Op::kChar:
          good = at < text_.size() && (flags_.ignore_case ? folded(text_[at]) : text_[at]) == one.a;
          ++at;
          break;
        case Op::kAny:
          good = at < text_.size() && (flags_.dot_all || text_[at] != '\n');
          ++at;
          break;
        case Op::kSet:
          good = at < text_.size() && sets_[static_cast<size_t>(one.a)].matches(text_[at], flags_.ignore_case);
          ++at;
          break;
        case Op::kSplit:
          stack.push_back({Back::Kind::kTry, static_cast<size_t>(one.b), at});
          if (stack.size() > kMostSteps / 4) fail("takes too much memory on this text");
          pc = static_cast<size_t>(one.a);
          continue;
        case Op::kJump: pc = static_cast<size_t>(one.a); continue;
        case Op::kSave:
          stack.push_back({Back::Kind::kSlot, static_cast<size_t>(one.a), slots_[static_cast<size_t>(one.a)]});
          slots_[static_cast<size_t>(one.a)] = at;
          break;
        case Op::kBegin: good = at == 0 || (flags_.multiline && text_[at - 1] == '\n'); break;
        case Op::kEnd:
          good = at == text_.size() || (at + 1 == text_.size() && text_[at] == '\n') ||
                 (flags_.multiline && text_[at] == '\n');
          break;
        case Op::kTextBegin: good = at == 0; break;
        case Op::kTextEnd: good = at == text_.size(); break;
        case Op::kWord: good = border(at); break;
        case Op::kNotWord: good = !border(at); break;
        case Op::kBack: good = repeats(static_cast<size_t>(one.a), at); break;
        case Op::kLook: good = looks(pc, at); break;
        case Op::kForget:
        case Op::kMark: {
          size_t& mark = marks_[static_cast<size_t>(one.a)];
          good = one.op == Op::kForget || mark != at;
          if (!good) break;
          stack.push_back({Back::Kind::kMark, static_cast<size_t>(one.a), mark});
          mark = one.op == Op::kForget ? kNone : at;
          break;
        }
        case Op::kMatch:
          if (begin != 0 || ((!whole_ || at == text_.size()) && at != advance_from_)) {
            end = at;
            return true;
          }
          good = false;
          break;
      }
      if (good) {
        pc = one.op == Op::kLook ? static_cast<size_t>(one.a) : pc + 1;
        continue;
      }
      if (!go_back(stack, pc, at)) return false;
    }
  }

  bool go_back(std::vector<Back>& stack, size_t& pc, size_t& at) {
    while (!stack.empty()) {
      const Back back = stack.back();
      stack.pop_back();
      if (back.kind == Back::Kind::kSlot) slots_[back.a] = back.b;
      else if (back.kind == Back::Kind::kMark) marks_[back.a] = back.b;
      else {
        pc = back.a;
        at = back.b;
        return true;
      }
    }
    return false;
  }

  bool repeats(size_t group, size_t& at) {
    const size_t from = slots_[2 * group], to = slots_[2 * group + 1];
    if (from == kNone || to == kNone) return false;
    for (size_t i = from; i < to; ++i, ++at) {
      step();
      if (at >= text_.size()) return false;
      const bool same = flags_.ignore_case ? folded(text_[i]) == folded(text_[at]) : text_[i] == text_[at];
      if (!same) return false;
    }
    return true;
  }

  bool looks(size_t pc, size_t at) {
    const Instruction& one = code_[pc];
    const auto behind = static_cast<size_t>(one.b);
    const std::vector<size_t> slots = slots_, marks = marks_;
    size_t end = 0;
    const bool found = at >= behind && follow(pc + 1, at - behind, end);
    if (!found || one.flag) slots_ = slots;
    marks_ = marks;
    return found != one.flag;
  }

  const std::vector<Instruction>& code_;
  const std::vector<Set>& sets_;
  Regex::Flags flags_;
  const CodePoints& text_;
  std::vector<size_t> slots_, marks_;
  size_t steps_ = 0, advance_from_ = kNone;
  bool whole_ = false;
};

}  // namespace

size_t Regex::groups() const { return program_->groups; }

std::optional<Regex::Match> Regex::search(const CodePoints& text, size_t from) const {
  Matcher matcher(program_->code, program_->sets, program_->flags, program_->groups, program_->marks, text);
  for (size_t at = from; at <= text.size(); ++at)
    if (matcher.run(at, false)) return matcher.match();
  return std::nullopt;
}

std::optional<Regex::Match> Regex::match_at(const CodePoints& text, size_t at) const {
  Matcher matcher(program_->code, program_->sets, program_->flags, program_->groups, program_->marks, text);
  if (at > text.size() || !matcher.run(at, false)) return std::nullopt;
  return matcher.match();
}

bool Regex::matches_whole(const CodePoints& text) const {
  Matcher matcher(program_->code, program_->sets, program_->flags, program_->groups, program_->marks, text);
  return matcher.run(0, true);
}

std::vector<Regex::Match> Regex::find_all(const CodePoints& text) const {
  constexpr size_t kMostPlaces = size_t{4} << 20;  // of groups, in all matches together
  Matcher matcher(program_->code, program_->sets, program_->flags, program_->groups, program_->marks, text);
  std::vector<Match> out;
  bool empty = false;  // the match before, which was at this place
  for (size_t at = 0; at <= text.size();) {
    if (!matcher.run(at, false, empty)) {
      empty = false;
      ++at;
      continue;
    }
    if ((out.size() + 1) * (groups() + 1) > kMostPlaces)
      throw Error(Fault::kMemory, "the pattern matches more than " + std::to_string(kMostPlaces / (groups() + 1)) +
                                      " times, more than is kept");
    Match found = matcher.match();
    const auto [from, to] = *found.groups[0];
    out.push_back(std::move(found));
    empty = to == from;
    at = to;
  }
  return out;
}

std::string part_of(const CodePoints& text, size_t from, size_t to) {
  std::string out;
  for (size_t i = from; i < to; ++i) formats::append_utf8(out, static_cast<uint32_t>(text[i]));
  return out;
}

std::pair<std::string, size_t> Regex::replace(const CodePoints& text, std::string_view replacement,
                                              size_t count) const {
  constexpr size_t kMostText = size_t{16} << 20;
  // The replacement in parts: texts, and groups by their numbers.
  std::vector<std::pair<std::string, size_t>> parts{{std::string(), 0}};
  const auto group = [&](size_t number) {
    if (number > program_->groups)
      throw Error(Fault::kInvalid, "the replacement refers to group " + std::to_string(number) + " of " +
                                       std::to_string(program_->groups))
          .at_input("replace");
    parts.back().second = number + 1;
    parts.emplace_back();
  };
  for (size_t i = 0; i < replacement.size(); ++i) {
    const char c = replacement[i];
    if (c != '\\' || i + 1 >= replacement.size()) {
      parts.back().first += c;
      continue;
    }
    const char next = replacement[++i];
    if (next >= '1' && next <= '9') {
      size_t number = static_cast<size_t>(next - '0');
      if (i + 1 < replacement.size() && replacement[i + 1] >= '0' && replacement[i + 1] <= '9')
        number = number * 10 + static_cast<size_t>(replacement[++i] - '0');
      group(number);
    } else if (next == 'g' && i + 1 < replacement.size() && replacement[i + 1] == '<') {
      const size_t end = replacement.find('>', i);
      if (end == std::string_view::npos) throw Error(Fault::kInvalid, "the replacement lacks a >").at_input("replace");
      const std::string name(replacement.substr(i + 2, end - i - 2));
      const bool number = !name.empty() && name.size() < 3 && name.find_first_not_of("0123456789") == std::string::npos;
      const auto found = program_->names.find(name);
      if (!number && found == program_->names.end())
        throw Error(Fault::kInvalid, "the replacement refers to the group '" + name + "'").at_input("replace");
      group(number ? static_cast<size_t>(std::stoul(name)) : found->second);
      i = end;
    } else if (const size_t letter = std::string_view("abfnrtv\\").find(next); letter != std::string_view::npos) {
      parts.back().first += "\a\b\f\n\r\t\v\\"[letter];
    } else if (next == '0' || ((next | 32) >= 'a' && (next | 32) <= 'z')) {
      throw Error(Fault::kInvalid, std::string("the replacement has the escape \\") + next + ", which is not there")
          .at_input("replace");
    } else {
      parts.back().first += '\\';
      parts.back().first += next;
    }
  }
  std::string out;
  size_t at = 0, done = 0;
  for (const Match& match : find_all(text)) {
    if (count && done == count) break;
    const auto [from, to] = *match.groups[0];
    out += part_of(text, at, from);
    for (const auto& [words, number] : parts) {
      out += words;
      if (number && match.groups[number - 1])
        out += part_of(text, match.groups[number - 1]->first, match.groups[number - 1]->second);
    }
    if (out.size() > kMostText) throw Error(Fault::kMemory, "makes a text of more than 16 MiB");
    at = to;
    ++done;
  }
  return {out + part_of(text, at, text.size()), done};
}

}  // namespace easel::text

// Regular expressions in Python's syntax, for nodes whose originals use Python's module re.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/unicode.h"

namespace easel::text {

// Groups, alternatives, sets, repetition (greedy and lazy), anchors, references back, looks ahead and behind (behind:
// of one length), flags i, m, s. Not there: conditions, comments, verbose mode, possessive repetition, named
// characters. Matching is bounded, so that a pattern cannot keep a computer busy for ever.
class Regex {
 public:
  struct Flags {
    bool ignore_case = false, multiline = false, dot_all = false;
  };
  // The places of the groups in characters, 0 being the whole match; nothing for a group that took no part.
  struct Match {
    std::vector<std::optional<std::pair<size_t, size_t>>> groups;
  };

  // Throws Error(kInvalid) for a pattern that is not one, or is too large or too deep.
  Regex(std::string_view pattern, Flags flags);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  // re.search from a character on. Throws Error(kInvalid) when it takes too many steps.
  std::optional<Match> search(const CodePoints& text, size_t from = 0) const;
  // re.match: at the character itself.
  std::optional<Match> match_at(const CodePoints& text, size_t at) const;
  // re.fullmatch.
  bool matches_whole(const CodePoints& text) const;

  // re.finditer: matches that do not overlap, from left to right. Throws Error(kMemory) for more than four million
  // groups in them.
  std::vector<Match> find_all(const CodePoints& text) const;
  // re.subn: the text with `replacement` in place of at most `count` matches (0: of all), and how many there were. In
  // the replacement \1, \g<1> and \g<name> stand for groups. Throws Error(kInvalid) for a group that there is not.
  std::pair<std::string, size_t> replace(const CodePoints& text, std::string_view replacement, size_t count = 0) const;

  size_t groups() const;  // without the whole match

 private:
  struct Program;
  std::unique_ptr<Program> program_;
};

// Characters from..to as UTF-8.
std::string part_of(const CodePoints& text, size_t from, size_t to);

}  // namespace easel::text

#include "node_api/input.h"

#include <algorithm>
#include <cstring>

namespace easel::nodes {
namespace {

using workflow::Literal;

template <class To>
std::optional<To> as_number(const Literal& literal) {
  return std::visit(
      [](const auto& v) -> std::optional<To> {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(v)>>) return static_cast<To>(v);
        else return std::nullopt;
      },
      literal);
}

Literal as_literal(uint64_t value) {
  if (value > INT64_MAX) return value;
  return static_cast<int64_t>(value);
}

template <class T>
T& member_at(void* at) {
  return *static_cast<T*>(at);
}
template <class T>
const T& member_at(const void* at) {
  return *static_cast<const T*>(at);
}

}  // namespace

In::In(std::string name, std::string type, Member member, size_t offset, const void* blank)
    : In(std::move(name), std::move(type)) {
  member_ = member;
  offset_ = offset;
  blank_ = blank;
  read_default();
}

void In::set_limits(const Plain& min, const Plain& max) {
  spec_.min = typed(min);
  spec_.max = typed(max);
}

void In::set_useful(const Plain& min, const Plain& max, const Plain& step) {
  spec_.useful_min = typed(min);
  spec_.useful_max = typed(max);
  spec_.useful_step = typed(step);
}

void In::set_meanings(std::vector<int64_t> meanings, size_t bytes) {
  meanings_ = std::move(meanings);
  meaning_bytes_ = bytes;
  read_default();
}

void In::rebase(size_t shift, const void* blank) {
  offset_ += shift;
  blank_ = blank;
  read_default();
}

Literal In::typed(const Plain& plain) const {
  if (const auto* v = std::get_if<int64_t>(&plain.value); v && spec_.type == "FLOAT") return static_cast<double>(*v);
  return plain.value;
}

void In::read_default() {
  const void* at = static_cast<const std::byte*>(blank_) + offset_;
  Literal& out = spec_.default_value;
  out = {};
  if (showing_ == Showing::kNever) return;
  switch (member_) {
    case Member::kNone:
    case Member::kLink: break;
    case Member::kInteger: out = member_at<int64_t>(at); break;
    case Member::kMaybeInteger:
      if (const auto& v = member_at<std::optional<int64_t>>(at)) out = *v;
      break;
    case Member::kSeed: out = as_literal(member_at<uint64_t>(at)); break;
    case Member::kNumber: out = member_at<double>(at); break;
    case Member::kNumberOrList: out = member_at<NumberOrList>(at).value; break;
    case Member::kFlag: out = member_at<bool>(at); break;
    case Member::kText: {
      const auto& text = member_at<std::string>(at);
      if (!spec_.is_combo() || !text.empty()) out = text;
      break;
    }
    case Member::kMeaning: {
      int64_t value = 0;
      std::memcpy(&value, at, meaning_bytes_);
      const auto place = std::find(meanings_.begin(), meanings_.end(), value) - meanings_.begin();
      if (place == std::ssize(meanings_)) break;
      if (place > 0 || showing_ == Showing::kAlways) out = spec_.choices[static_cast<size_t>(place)];
      break;
    }
  }
}

int64_t In::meaning_of(const std::string& name) const {
  const auto place = std::find(spec_.choices.begin(), spec_.choices.end(), name) - spec_.choices.begin();
  if (place == std::ssize(spec_.choices))
    throw Error(Fault::kInternal, "'" + name + "' is not one of the choices").at_input(spec_.name);
  return meanings_[static_cast<size_t>(place)];
}

void In::fill(void* parameters, const Call& call, bool run) const {
  if (member_ == Member::kNone) return;
  void* at = static_cast<std::byte*>(parameters) + offset_;
  if (member_ == Member::kLink) fill_link(member_at<AnyLink>(at), call, run);
  else fill_plain(at, call, run);
}

void In::fill_link(AnyLink& member, const Call& call, bool run) const {
  const Value* value = call.linked(spec_.name);
  if (!value && run && spec_.presence == workflow::Presence::kRequired)
    throw Error(Fault::kInvalid, "nothing comes in").at_input(spec_.name);
  // An output of any type may turn out not to fit when it is computed.
  if (value && !value->empty() && !workflow::types_match(value->type(), spec_.type))
    throw Error(Fault::kInvalid, "takes " + spec_.type + ", and " + value->type() + " comes in").at_input(spec_.name);
  member.set(value);
}

void In::fill_plain(void* at, const Call& call, bool run) const {
  if (member_ == Member::kNumberOrList)
    if (const Value* value = call.linked(spec_.name))
      if (const auto* list = value->get<NumberList>()) member_at<NumberOrList>(at).list = list->values;
  const Literal* literal = call.typed(spec_.name);
  if (!literal) {
    if (const Value* value = call.linked(spec_.name); value && member_ != Member::kNumberOrList && run)
      throw Error(Fault::kInvalid, "takes one value, and a list comes in").at_input(spec_.name);
    if (member_ == Member::kMaybeInteger) member_at<std::optional<int64_t>>(at).reset();
    // The first choice of a list without a default is its default.
    if (member_ == Member::kText && member_at<std::string>(at).empty() && !spec_.choices.empty())
      member_at<std::string>(at) = spec_.choices.front();
    return;
  }
  const auto put = [&](auto& to, const auto& from) {
    if (!from) throw Error(Fault::kInternal, "is not of the type it was asked for").at_input(spec_.name);
    to = *from;
  };
  const auto* text = std::get_if<std::string>(literal);
  switch (member_) {
    case Member::kNone:
    case Member::kLink: break;
    case Member::kInteger: put(member_at<int64_t>(at), as_number<int64_t>(*literal)); break;
    case Member::kMaybeInteger: put(member_at<std::optional<int64_t>>(at), as_number<int64_t>(*literal)); break;
    case Member::kSeed: put(member_at<uint64_t>(at), as_number<uint64_t>(*literal)); break;
    case Member::kNumber: put(member_at<double>(at), as_number<double>(*literal)); break;
    case Member::kNumberOrList: put(member_at<NumberOrList>(at).value, as_number<double>(*literal)); break;
    case Member::kFlag: put(member_at<bool>(at), as_number<bool>(*literal)); break;
    case Member::kText: put(member_at<std::string>(at), text); break;
    case Member::kMeaning: {
      std::string name;
      put(name, text);
      const int64_t meaning = meaning_of(name);
      std::memcpy(at, &meaning, meaning_bytes_);  // the low bytes come first
      break;
    }
  }
}

}  // namespace easel::nodes

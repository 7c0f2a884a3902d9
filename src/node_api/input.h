// How the inputs of a node are declared: each is bound to a member of the node's parameters.
//
//   struct SolidMask {
//     double value = 1.0;
//     int64_t width = 512, height = 512;
//   };
//   Float("value", &SolidMask::value).range(0.0, 1.0).step(0.01)
//
// The member's type is the input's type, and the value it is initialised with is the input's default.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "node_api/call.h"
#include "node_api/value.h"
#include "workflow/schema.h"

namespace easel::nodes {

// A member that receives the value of a link. Use Linked<L> or MaybeLinked<L>.
class AnyLink {
 public:
  void set(const Value* value) { value_ = value; }

 protected:
  const Value* value_ = nullptr;
};

// The value of a required link of type L, which is always present while the node runs.
template <class L>
class Linked : public AnyLink {
 public:
  using Held = typename LinkType<L>::Held;
  const Held& operator*() const { return value_->as<Held>(); }
  const Held* operator->() const { return &**this; }
  // The value itself, to be passed on without a copy.
  const Value& value() const { return *value_; }

 private:
  template <class P>
  friend class Known;
  template <class F>
  const F* foreseen() const {
    return value_ ? value_->get<F>() : nullptr;
  }
};

// A value of any type.
template <>
class Linked<Anything> : public AnyLink {
 public:
  using Held = Value;
  const Value& operator*() const { return *value_; }
  const Value& value() const { return *value_; }

 private:
  template <class P>
  friend class Known;
  template <class F>
  const Value* foreseen() const {
    return value_ && !value_->empty() ? value_ : nullptr;
  }
};

// All values of a link: one, or those of a list. A node with such an input gets lists as a whole and runs once; its
// other inputs get the first value of a list, as in ComfyUI (INPUT_IS_LIST).
template <class L>
class LinkedList : public AnyLink {
 public:
  size_t size() const { return list() ? list()->items.size() : 1; }
  const Value& value(size_t i) const { return list() ? list()->items.at(i) : *value_; }
  const typename LinkType<L>::Held& operator[](size_t i) const {
    return value(i).template as<typename LinkType<L>::Held>();
  }

 private:
  const ValueList* list() const { return value_->get<ValueList>(); }
};

// The value of an optional link.
template <class L>
class MaybeLinked : public Linked<L> {
 public:
  explicit operator bool() const { return this->value_ != nullptr; }
  // Null without a link.
  const typename Linked<L>::Held* get() const { return *this ? &**this : nullptr; }
  // Without a link, a default-constructed object (an undefined Tensor).
  typename Linked<L>::Held value_or_empty() const { return *this ? **this : typename Linked<L>::Held(); }
};

// A FLOAT that may also come over a link as a list with a number for each picture of a batch.
struct NumberOrList {
  double value = 0;
  std::vector<double> list = {};  // empty: `value` counts
};

// A plain value in a declaration: 512, 0.5.
struct Plain {
  workflow::Literal value;
  Plain(int v) : value(int64_t{v}) {}
  Plain(int64_t v) : value(v) {}
  Plain(uint64_t v) : value(v) {}
  Plain(double v) : value(v) {}
};

// A name in a list of choices, and its meaning.
template <class E>
struct Named {
  const char* name;
  E meaning;
};

// The public description of an input and the member that receives its value. Input<P> is the typed interface to it.
class In {
 public:
  // What kind of member an input is bound to.
  enum class Member : uint8_t {
    kNone,
    kInteger,
    kMaybeInteger,
    kSeed,
    kNumber,
    kNumberOrList,
    kFlag,
    kText,
    kMeaning,
    kLink
  };

  In(std::string name, std::string type) {
    spec_.name = std::move(name);
    spec_.type = std::move(type);
  }
  // Bound to the member at `offset` of an object; `blank` is a default-constructed object of that type.
  In(std::string name, std::string type, Member member, size_t offset, const void* blank);

  const workflow::InputSpec& spec() const { return spec_; }
  workflow::InputSpec& spec() { return spec_; }
  // Whether the foreseen value of its link is the same value that a run gets.
  bool known_when_checked() const { return known_when_checked_; }
  void set_known_when_checked(bool known) { known_when_checked_ = known; }
  // Whether it takes lists as a whole.
  bool takes_list() const { return takes_list_; }
  void set_takes_list() { takes_list_ = true; }
  // The meanings of the choices, as values of the member, whose size in bytes is given.
  void set_meanings(std::vector<int64_t> meanings, size_t bytes);

  bool is_link() const { return member_ == Member::kLink; }
  // Whether this is a plain value that comes over a link and is not known yet.
  bool is_awaited(const Call& call) const { return !is_link() && call.awaits(spec_.name); }

  // Writes the call's value into the parameters. In a run, throws Error(kInvalid) if a required link has no value, and
  // Error(kInternal) if a value has another type than the input.
  void fill(void* parameters, const Call& call, bool run) const;

 protected:
  void set_limits(const Plain& min, const Plain& max);
  void set_step(const Plain& value) { spec_.step = typed(value); }
  void set_round(const Plain& value) { spec_.round = typed(value); }
  void set_useful(const Plain& min, const Plain& max, const Plain& step);
  // Whether the editor is told the default: kUsual leaves out the default of a list if it is the first choice.
  enum class Showing : uint8_t { kUsual, kAlways, kNever };
  void show_default(Showing showing) {
    showing_ = showing;
    read_default();
  }
  // The same member, relative to an object that contains the original object `shift` bytes after its beginning.
  void rebase(size_t shift, const void* blank);

 private:
  // Integers in the declaration of a FLOAT are converted to floats.
  workflow::Literal typed(const Plain& plain) const;
  void read_default();
  void fill_link(AnyLink& member, const Call& call, bool run) const;
  void fill_plain(void* member, const Call& call, bool run) const;
  int64_t meaning_of(const std::string& name) const;

  workflow::InputSpec spec_;
  Member member_ = Member::kNone;
  bool known_when_checked_ = true;
  bool takes_list_ = false;
  Showing showing_ = Showing::kUsual;
  size_t offset_ = 0;
  const void* blank_ = nullptr;
  std::vector<int64_t> meanings_;  // of the choices, as the member's integer value
  size_t meaning_bytes_ = 0;
};

// A default-constructed object of parameters, which has the defaults.
template <class P>
const P& blank() {
  static const P made{};
  return made;
}

// The offset of a base or member in its object.
inline size_t offset_in(const void* whole, const void* part) {
  return static_cast<size_t>(static_cast<const std::byte*>(part) - static_cast<const std::byte*>(whole));
}

// An input of a node with parameters P. All of these return the input itself, to be chained.
template <class P>
class Input : public In {
 public:
  template <class T>
  Input(std::string name, std::string type, Member member, T P::*pointer)
      : Input(std::move(name), std::move(type), member, static_cast<const void*>(&(blank<P>().*pointer))) {}
  // `at`: the member of blank<P>().
  Input(std::string name, std::string type, Member member, const void* at)
      : In(std::move(name), std::move(type), member, offset_in(&blank<P>(), at), &blank<P>()) {}
  // An input of parameters that these are derived from; the default is that of the derived ones.
  template <class B>
  requires(std::derived_from<P, B> && !std::same_as<P, B>) Input(Input<B> base) : In(std::move(base)) {
    rebase(offset_in(&blank<P>(), static_cast<const B*>(&blank<P>())), &blank<P>());
  }

  Input&& range(const Plain& min, const Plain& max) && {
    set_limits(min, max);
    return std::move(*this);
  }
  Input&& step(const Plain& value) && {
    set_step(value);
    return std::move(*this);
  }
  Input&& round(const Plain& value) && {
    set_round(value);
    return std::move(*this);
  }
  // The part of the range that a slider should span, and its step; other values can be typed.
  Input&& useful(const Plain& min, const Plain& max, const Plain& step) && {
    set_useful(min, max, step);
    return std::move(*this);
  }
  Input&& tip(const std::string& text) && {
    spec().tooltip = text;
    return std::move(*this);
  }
  Input&& optional() && {
    spec().presence = workflow::Presence::kOptional;
    return std::move(*this);
  }
  // Required by the current node, but absent in older workflows, where the default is meant.
  Input&& added_later() && {
    spec().added_later = true;
    return std::move(*this);
  }
  Input&& multiline() && {
    spec().multiline = true;
    return std::move(*this);
  }
  // The editor replaces {a|b} by one of the choices before it sends the workflow.
  Input&& dynamic_prompts() && {
    spec().dynamic_prompts = true;
    return std::move(*this);
  }
  // The text is, or may become part of, a prompt: "embedding:name" in it means a file.
  Input&& names_embeddings() && {
    spec().names_embeddings = true;
    return std::move(*this);
  }
  // The text is a pattern for names of files to be written: %...% in it is filled in at the time.
  Input&& names_saved_files() && {
    spec().names_saved_files = true;
    return std::move(*this);
  }
  Input&& upload() && {
    spec().image_upload = true;
    return std::move(*this);
  }
  // The input has no widget: it can only be linked.
  Input&& link_only() && {
    spec().force_input = true;
    return std::move(*this);
  }
  // Tells the editor the default of a list even if it is the first choice.
  Input&& says_default() && {
    show_default(Showing::kAlways);
    return std::move(*this);
  }
  // The input has no default: the workflow must give a value.
  Input&& no_default() && {
    show_default(Showing::kNever);
    return std::move(*this);
  }
};

template <class P>
Input<P> Int(const char* name, int64_t P::*member) {
  return {name, "INT", In::Member::kInteger, member};
}
// Empty if the workflow omits it; the editor's initial value is that of the member.
template <class P>
Input<P> Int(const char* name, std::optional<int64_t> P::*member) {
  return {name, "INT", In::Member::kMaybeInteger, member};
}
template <class P>
Input<P> Float(std::string name, double P::*member) {
  return {std::move(name), "FLOAT", In::Member::kNumber, member};
}
// An input that shares its member with others.
template <class P, size_t N>
Input<P> Float(std::string name, std::array<double, N> P::*member, size_t index) {
  return {std::move(name), "FLOAT", In::Member::kNumber, &(blank<P>().*member)[index]};
}
template <class P>
Input<P> Float(const char* name, NumberOrList P::*member) {
  return {name, "FLOAT", In::Member::kNumberOrList, member};
}
template <class P>
Input<P> Text(const char* name, std::string P::*member) {
  return {name, "STRING", In::Member::kText, member};
}
template <class P>
Input<P> Bool(const char* name, bool P::*member) {
  return {name, "BOOLEAN", In::Member::kFlag, member};
}
// A seed: 0 to 2^64-1, with the editor's control for changing it after a run.
template <class P>
Input<P> Seed(const char* name, uint64_t P::*member) {
  Input<P> in(name, "INT", In::Member::kSeed, member);
  in.spec().control_after_generate = true;
  return std::move(in).range(0, UINT64_MAX);
}
// A choice from a fixed list, by its name. The default is the first name if the member is empty.
template <class P>
Input<P> Choice(const char* name, std::string P::*member, const std::vector<std::string>& choices) {
  Input<P> in(name, "COMBO", In::Member::kText, member);
  in.spec().choices = choices;
  return in;
}
// A choice from a fixed list, by the meaning of its name: an enumeration, a number, or bool.
template <class P, class E>
requires(std::is_enum_v<E> || std::integral<E>) Input<P> Choice(const char* name, E P::*member,
                                                                std::initializer_list<Named<E>> choices) {
  Input<P> in(name, "COMBO", In::Member::kMeaning, member);
  std::vector<int64_t> meanings;
  for (const Named<E>& choice : choices) {
    in.spec().choices.emplace_back(choice.name);
    meanings.push_back(static_cast<int64_t>(choice.meaning));
  }
  in.set_meanings(std::move(meanings), sizeof(E));
  return in;
}
// A model file of a kind ("checkpoints"), or another kind of file that library::Folders and FolderChoices know.
template <class P>
Input<P> File(const char* name, std::string P::*member, const std::string& kind) {
  Input<P> in(name, "COMBO", In::Member::kText, member);
  in.spec().choices_from = kind;
  return in;
}
// A model file or none: the text `none` is the first choice and the default.
template <class P>
Input<P> FileOr(const char* none, const char* name, std::string P::*member, const std::string& kind) {
  Input<P> in = File(name, member, kind);
  in.spec().choices = {none};
  return in;
}
// A picture in the input folder.
template <class P>
Input<P> Picture(const char* name, std::string P::*member) {
  return File(name, member, workflow::kInputImages).upload();
}
template <class P, class L>
Input<P> Link(const char* name, Linked<L> P::*member) {
  Input<P> in(name, LinkType<L>::kName, In::Member::kLink, member);
  in.set_known_when_checked(kKnownWhenChecked<L>);
  return in;
}
template <class P, class L>
Input<P> Link(const char* name, LinkedList<L> P::*member) {
  Input<P> in(name, LinkType<L>::kName, In::Member::kLink, member);
  in.set_known_when_checked(false);
  in.set_takes_list();
  return in;
}
template <class P, class L>
Input<P> Link(const char* name, MaybeLinked<L> P::*member) {
  Input<P> in(name, LinkType<L>::kName, In::Member::kLink, member);
  in.set_known_when_checked(kKnownWhenChecked<L>);
  return std::move(in).optional();
}

// A node's inputs in the order it declares them.
template <class P>
class Inputs {
 public:
  Inputs() = default;
  Inputs(std::initializer_list<Input<P>> inputs) : list_(inputs.begin(), inputs.end()) {}
  Inputs&& and_then(std::initializer_list<Input<P>> more) && {
    list_.insert(list_.end(), more.begin(), more.end());
    return std::move(*this);
  }
  void push_back(Input<P> input) { list_.push_back(std::move(input)); }
  std::vector<In> take() { return std::move(list_); }

 private:
  std::vector<In> list_;
};

}  // namespace easel::nodes

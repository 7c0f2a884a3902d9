// How a node is declared: once, for validation, /object_info, `easel nodes` and the run alike.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "node_api/call.h"
#include "node_api/input.h"
#include "node_api/value.h"

namespace easel::nodes {

// A value that another node has made or foreseen, passed on as an output of the same type.
struct Handed {
  Value value;
};

// The value that a node returns for one output of link type L.
template <class L>
class Made {
 public:
  using Held = typename LinkType<L>::Held;
  Made(Held object) : value_(computed<L>(std::move(object))) {}
  Made(std::optional<Held> object) : value_(object ? computed<L>(std::move(*object)) : Value()) {}
  // Passes an input on without a copy.
  Made(const Linked<L>& link) : value_(link.value()) {}
  Made(const MaybeLinked<L>& link) : value_(link ? link.value() : Value()) {}
  Made(Handed handed) : value_(std::move(handed.value)) {}
  // No value this time.
  Made(std::nullopt_t) {}
  Value take() { return std::move(value_); }

 private:
  Value value_;
};

template <>
class Made<Anything> {
 public:
  Made(Value value) : value_(std::move(value)) {}
  Made(const Linked<Anything>& link) : value_(link.value()) {}
  Made(const MaybeLinked<Anything>& link) : value_(link.value_or_empty()) {}
  Made(std::nullopt_t) {}
  Value take() { return std::move(value_); }

 private:
  Value value_;
};

// A list, by its values in order.
template <class L>
class Made<ListOf<L>> {
 public:
  Made(typename LinkType<ListOf<L>>::Held objects) {
    std::vector<Value> items;
    for (auto& object : objects) {
      if constexpr (std::is_same_v<L, Anything>) items.push_back(std::move(object));
      else items.push_back(computed<L>(std::move(object)));
    }
    value_ = list_of(LinkType<L>::kName, std::move(items));
  }
  // Values that exist already.
  Made(std::vector<Value> items) requires(!std::is_same_v<typename LinkType<L>::Held, Value>)
      : value_(list_of(LinkType<L>::kName, std::move(items))) {}
  Value take() { return std::move(value_); }

 private:
  Value value_;
};

// An output before anything is computed; empty if nothing is known about it.
template <class L>
class ForeseenOutput {
 public:
  using Foreseen = typename LinkType<L>::Foreseen;
  ForeseenOutput(Foreseen object) : value_(foreseen<L>(std::move(object))) {}
  ForeseenOutput(const std::optional<Foreseen>& object) : value_(object ? foreseen<L>(*object) : Value()) {}
  ForeseenOutput(const Foreseen* object) : value_(object ? foreseen<L>(*object) : Value()) {}
  ForeseenOutput(Handed handed) : value_(std::move(handed.value)) {}
  ForeseenOutput(std::nullopt_t) {}
  Value take() { return std::move(value_); }

 private:
  Value value_;
};
template <>
class ForeseenOutput<Anything> {
 public:
  ForeseenOutput(const Value* value) : value_(value ? *value : Value()) {}
  ForeseenOutput(std::nullopt_t) {}
  Value take() { return std::move(value_); }

 private:
  Value value_;
};
template <class L>
requires std::is_void_v<typename LinkType<L>::Foreseen>
class ForeseenOutput<L> {
 public:
  ForeseenOutput(std::nullopt_t) {}
  ForeseenOutput(const Handed&) {}
  Value take() { return {}; }
};

namespace detail {
template <class L>
inline constexpr bool kIsList = false;
template <class L>
inline constexpr bool kIsList<ListOf<L>> = true;
}  // namespace detail

// The name of an output's link type, and whether a value of it is known as soon as its node could be run.
struct OutputType {
  const char* name;
  bool known_when_checked, is_list;
  bool operator==(const OutputType& other) const { return std::string_view(name) == other.name; }
};
template <class... Ls>
std::vector<OutputType> output_types() {
  return {OutputType{LinkType<Ls>::kName, kKnownWhenChecked<Ls>, detail::kIsList<Ls>}...};
}

// The return type of a node's run, in the order of its outputs: Results<Image, Mask>.
template <class... Ls>
class Results {
 public:
  Results(Made<Ls>... made) { (outputs_.push_back(made.take()), ...); }
  Outputs take() { return std::move(outputs_); }
  static std::vector<OutputType> types() { return output_types<Ls...>(); }

 private:
  Outputs outputs_;
};

// The return type of a node's foresight: either empty, or one entry for each output.
template <class... Ls>
class Foreseen {
 public:
  Foreseen() = default;
  Foreseen(ForeseenOutput<Ls>... made) requires(sizeof...(Ls) > 0) { (outputs_.push_back(made.take()), ...); }
  Outputs take() { return std::move(outputs_); }
  static std::vector<OutputType> types() { return output_types<Ls...>(); }

 private:
  Outputs outputs_;
};

// A node's parameters as far as they are known before anything is computed: in(&P::strength), in(&P::model).
template <class P>
class Known {
 public:
  explicit Known(const P& parameters) : parameters_(parameters) {}
  // From what is known of parameters that are derived from these.
  template <class D>
  requires(std::derived_from<D, P> && !std::same_as<D, P>) Known(const Known<D>& other)
      : parameters_(other.parameters_) {}

  // What is known about the value of a link, or null.
  template <class B, class L>
  requires std::derived_from<P, B>
  const typename LinkType<L>::Foreseen* operator()(Linked<L> B::*member) const {
    const Linked<L>& link = parameters_.*member;
    return link.template foreseen<typename LinkType<L>::Foreseen>();
  }
  template <class B, class L>
  requires std::derived_from<P, B>
  const typename LinkType<L>::Foreseen* operator()(MaybeLinked<L> B::*member) const {
    const Linked<L>& link = parameters_.*member;
    return link.template foreseen<typename LinkType<L>::Foreseen>();
  }
  // A plain value; the default if it is linked and not yet known.
  template <class B, class T>
  requires std::derived_from<P, B>
  const T& operator()(T B::*member) const { return parameters_.*member; }

 private:
  template <class D>
  friend class Known;
  const P& parameters_;
};

// A node's run: a function of its parameters, and of the call if it asks for it, that returns Results<...> or nothing.
template <class P>
class Run {
 public:
  template <class F>
  Run(F function) : types(types_of<F>()) {
    body = [function = std::move(function)](const std::vector<In>& inputs, Call& call) -> Outputs {
      P parameters;
      for (const In& input : inputs) input.fill(&parameters, call, true);
      if constexpr (std::is_void_v<Returned<F>>) {
        invoke(function, parameters, call);
        return {};
      } else {
        return invoke(function, parameters, call).take();
      }
    };
  }

  std::vector<OutputType> types;
  std::function<Outputs(const std::vector<In>&, Call&)> body;

 private:
  template <class F>
  static auto invoke(const F& function, const P& parameters, Call& call) {
    if constexpr (std::is_invocable_v<const F&, const P&, Call&>) return function(parameters, call);
    else return function(parameters);
  }
  template <class F>
  using Returned = decltype(invoke(std::declval<const F&>(), std::declval<const P&>(), std::declval<Call&>()));
  template <class F>
  static std::vector<OutputType> types_of() {
    if constexpr (std::is_void_v<Returned<F>>) return {};
    else return Returned<F>::types();
  }
};

// A node's foresight: a function of what is known of its parameters, and of the call if it asks for it, that returns
// Foreseen<...>. Called before anything is computed; throws Error(kMismatch) if inputs do not fit each other.
template <class P>
class Foresee {
 public:
  Foresee() = default;
  template <class F>
  Foresee(F function) : types(Returned<F>::types()) {
    body = [function = std::move(function)](const std::vector<In>& inputs, Call& call) -> Outputs {
      P parameters;
      for (const In& input : inputs) input.fill(&parameters, call, false);
      return invoke(function, Known<P>(parameters), call).take();
    };
  }

  std::vector<OutputType> types;
  std::function<Outputs(const std::vector<In>&, Call&)> body;

 private:
  template <class F>
  static auto invoke(const F& function, const Known<P>& known, Call& call) {
    if constexpr (std::is_invocable_v<const F&, const Known<P>&, Call&>) return function(known, call);
    else return function(known);
  }
  template <class F>
  using Returned = decltype(invoke(std::declval<const F&>(), std::declval<const Known<P>&>(), std::declval<Call&>()));
};

// A node's check of its own values, which must hold whatever comes over its links: a function of its parameters that
// throws Error(kInvalid). Called before anything is computed, if all values are known by then, and before every run.
// Links are empty in it.
template <class P>
class Check {
 public:
  Check() = default;
  template <class F>
  Check(F function) {
    body = [function = std::move(function)](const std::vector<In>& inputs, Call& call) -> Outputs {
      P parameters;
      for (const In& input : inputs)
        if (!input.is_link()) input.fill(&parameters, call, false);
      function(parameters);
      return {};
    };
  }

  std::function<Outputs(const std::vector<In>&, Call&)> body;
};

// The name and the description of an output; its type follows from what the run returns.
struct OutputLabel {
  std::string name = {};  // the type's when empty
  std::string tip = {};
};

// Everything about a node with parameters P. Fields are given by name, in this order.
template <class P>
struct NodeOf {
  std::string name;          // the class_type
  std::string display = {};  // for people; the name when empty
  std::string category = {};
  std::string description = {};
  std::string origin = {};  // the extension that has the node ("essentials", "kjnodes"); empty for ComfyUI's own
  Inputs<P> inputs = {};
  std::vector<OutputLabel> outputs = {};  // may be left out if the types say enough
  bool output_node = false;
  bool deprecated = false;  // an older form of a node of the same name comes after the current one
  bool experimental = false;
  bool hidden_prompt = false;  // declares ComfyUI's hidden inputs prompt and extra_pnginfo
  bool always = false;         // runs even if nothing that it depends on has changed
  // Kinds of model folders in which it chooses a file by itself, so that its result depends on their contents.
  std::vector<std::string> looks_through = {};
  // For loaders that read headers only: they run when the prompt is checked, so that the models are known.
  bool runs_when_checked = false;
  Run<P> run;
  // Checks what its own values must satisfy beyond what its inputs declare.
  Check<P> check = {};
  // Without it nothing is known about the outputs in advance, unless the node runs when checked.
  Foresee<P> foresee = {};
};

// A node of any parameters, as the table keeps it.
struct Node {
  std::string name, display, category, description, origin;
  std::vector<In> inputs;
  std::vector<workflow::OutputSpec> outputs;
  bool output_node = false, deprecated = false, experimental = false, hidden_prompt = false, always = false;
  bool runs_when_checked = false;
  // Whether it takes lists as a whole, instead of running once for each of their values.
  bool takes_lists() const {
    return std::any_of(inputs.begin(), inputs.end(), [](const In& in) { return in.takes_list(); });
  }
  std::vector<std::string> looks_through;
  std::function<Outputs(Call&)> run, foresee;
  // Checks the values of the call that are its own; does nothing as long as one of them comes over a link and is not
  // known. run() has checked them as well.
  std::function<void(Call&)> check;
};

namespace detail {
using Body = std::function<Outputs(const std::vector<In>&, Call&)>;
// Joins the declaration with the types that the run returns. Throws Error(kInternal) if they contradict each other.
void complete(Node& node, std::vector<OutputLabel> labels, const std::vector<OutputType>& returned, Body run,
              const std::vector<OutputType>& foreseen, Body foresee, Body check);
}  // namespace detail

template <class P>
Node untyped(NodeOf<P> typed) {
  Node out;
  out.name = std::move(typed.name);
  out.display = std::move(typed.display);
  out.category = std::move(typed.category);
  out.description = std::move(typed.description);
  out.origin = std::move(typed.origin);
  out.inputs = typed.inputs.take();
  out.output_node = typed.output_node;
  out.deprecated = typed.deprecated;
  out.experimental = typed.experimental;
  out.hidden_prompt = typed.hidden_prompt;
  out.always = typed.always;
  out.runs_when_checked = typed.runs_when_checked;
  out.looks_through = std::move(typed.looks_through);
  detail::complete(out, std::move(typed.outputs), typed.run.types, std::move(typed.run.body), typed.foresee.types,
                   std::move(typed.foresee.body), std::move(typed.check.body));
  return out;
}

}  // namespace easel::nodes

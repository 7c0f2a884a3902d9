// How a node is declared: once, for validation, /object_info, `easel nodes` and the run alike.
#pragma once

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

// The value that a node returns for one output of link type L.
template <class L>
class Made {
 public:
  using Held = typename LinkType<L>::Held;
  Made(Held object) : value_(computed<L>(std::move(object))) {}
  Made(std::optional<Held> object) : value_(object ? computed<L>(std::move(*object)) : Value()) {}
  // Passes an input on without a copy.
  Made(const Linked<L>& link) : value_(link.value()) {}
  // There is none this time.
  Made(std::nullopt_t) {}
  Value take() { return std::move(value_); }

 private:
  Value value_;
};

// The same before anything is computed; nothing where it is not known.
template <class L>
class ForeseenOutput {
 public:
  using Foreseen = typename LinkType<L>::Foreseen;
  ForeseenOutput(Foreseen object) : value_(foreseen<L>(std::move(object))) {}
  ForeseenOutput(const std::optional<Foreseen>& object) : value_(object ? foreseen<L>(*object) : Value()) {}
  ForeseenOutput(const Foreseen* object) : value_(object ? foreseen<L>(*object) : Value()) {}
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
  Value take() { return {}; }
};

// What an output's link type is called, and whether a value of it is known as soon as its node could be run.
struct OutputType {
  const char* name;
  bool known_when_checked;
  bool operator==(const OutputType& other) const { return std::string_view(name) == other.name; }
};
template <class... Ls>
std::vector<OutputType> output_types() {
  return {
      OutputType{LinkType<Ls>::kName, std::same_as<typename LinkType<Ls>::Held, typename LinkType<Ls>::Foreseen>}...};
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
  // What is known of parameters that are derived from these.
  template <class D>
  requires(std::derived_from<D, P> && !std::same_as<D, P>) Known(const Known<D>& other)
      : parameters_(other.parameters_) {}

  // What is known of the value of a link, or null.
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
// Foreseen<...>. Called before anything is computed; throws Error(kMismatch) when inputs do not go together.
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

// What must hold of a node's own values, whatever comes over its links: a function of its parameters, which throws
// Error(kInvalid). Called before anything is computed if all the values are known by then, and before every run. Links
// are empty in it.
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

// An output in words; its type is what the run returns in its place.
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
  Inputs<P> inputs = {};
  std::vector<OutputLabel> outputs = {};  // left out where the types say enough
  bool output_node = false;
  bool deprecated = false;  // an older form of a node of the same name comes after the current one
  bool experimental = false;
  bool hidden_prompt = false;  // declares ComfyUI's hidden inputs prompt and extra_pnginfo
  bool always = false;         // runs even when nothing it depends on has changed
  // Kinds of model folders in which it chooses a file by itself: its result depends on what is in them.
  std::vector<std::string> looks_through = {};
  // Loaders that look at headers only: their run is done ahead of time, to know what models are meant.
  bool runs_when_checked = false;
  Run<P> run;
  // What its own values must satisfy beyond what its inputs declare.
  Check<P> check = {};
  // Without it nothing is known ahead of the outputs, unless the node runs when checked.
  Foresee<P> foresee = {};
};

// A node of any parameters, as the table keeps it.
struct Node {
  std::string name, display, category, description;
  std::vector<In> inputs;
  std::vector<workflow::OutputSpec> outputs;
  bool output_node = false, deprecated = false, experimental = false, hidden_prompt = false, always = false;
  bool runs_when_checked = false;
  std::vector<std::string> looks_through;
  std::function<Outputs(Call&)> run, foresee;
  // Checks the values of the call that are its own; does nothing as long as one of them comes over a link and is not
  // known. run() has checked them as well.
  std::function<void(Call&)> check;
};

namespace detail {
using Body = std::function<Outputs(const std::vector<In>&, Call&)>;
// Joins what was declared with the types of what is returned. Throws Error(kInternal) when they contradict each other.
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

#include "formats/tensors/torch_pickle.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "base/error.h"

namespace easel::formats {
namespace {

using Kind = Pickle::Kind;
using Ref = Pickle::Ref;
using Value = Pickle::Value;

constexpr int kMaxDepth = 32;             // of nested dictionaries
constexpr size_t kMaxVisits = 1'000'000;  // values looked at; bounds graphs that share their branches
constexpr size_t kMaxName = 1024;         // of a tensor
// A pickle may mention one text or one dictionary any number of times, each in two bytes; here each is a copy.
constexpr size_t kMaxTensors = 100'000;
constexpr size_t kMaxMetadata = size_t{16} << 20;
constexpr size_t kMaxPlain = 64;  // numbers of a list that is taken as text

[[noreturn]] void bad(const std::string& message) { throw Error(Fault::kBadFile, message); }

struct TypeName {
  std::string_view name;
  DType dtype;
};
constexpr TypeName kStorageTypes[] = {
    {"FloatStorage", DType::kF32},  {"HalfStorage", DType::kF16},   {"BFloat16Storage", DType::kBF16},
    {"DoubleStorage", DType::kF64}, {"LongStorage", DType::kI64},   {"IntStorage", DType::kI32},
    {"ShortStorage", DType::kI16},  {"CharStorage", DType::kI8},    {"ByteStorage", DType::kU8},
    {"BoolStorage", DType::kBool},  {"UntypedStorage", DType::kU8}, {"_UntypedStorage", DType::kU8},
};
constexpr TypeName kDTypes[] = {
    {"torch.float32", DType::kF32},
    {"torch.float16", DType::kF16},
    {"torch.bfloat16", DType::kBF16},
    {"torch.float64", DType::kF64},
    {"torch.int64", DType::kI64},
    {"torch.int32", DType::kI32},
    {"torch.int16", DType::kI16},
    {"torch.int8", DType::kI8},
    {"torch.uint8", DType::kU8},
    {"torch.bool", DType::kBool},
    {"torch.float8_e4m3fn", DType::kF8E4M3},
    {"torch.float8_e5m2", DType::kF8E5M2},
};

DType storage_type(std::string_view global) {
  const std::string_view name = global.substr(global.rfind('.') + 1);
  for (const TypeName& t : kStorageTypes)
    if (t.name == name) return t.dtype;
  throw Error(Fault::kUnsupported, "has a tensor of the kind '" + std::string(global) + "', which Easel cannot read");
}

class Interpreter {
 public:
  Interpreter(const Pickle& pickle, const StorageSource* storages) : p_(pickle), storages_(storages) {}

  // The storage a persistent id names: ('storage', type, key, location, elements[, view]).
  StorageName storage_name(const Value& id) const {
    const Value& tuple = p_[id.items.at(0)];
    if (tuple.kind != Kind::kTuple || tuple.items.size() < 5 || p_[tuple.items[0]].text != "storage")
      bad("has a reference to something that is not a storage");
    const Value &type = p_[tuple.items[1]], &key = p_[tuple.items[2]];
    if (type.kind != Kind::kGlobal) bad("has a storage without a type");
    StorageName name;
    name.dtype = storage_type(type.text);
    name.key = key.kind == Kind::kInt ? std::to_string(key.integer) : std::string(key.text);
    if (name.key.empty() || name.key.size() > kMaxName) bad("has a storage without a name");
    name.elements = static_cast<uint64_t>(whole(tuple.items[4]));
    return name;
  }

  bool names_storage(const Value& v) const { return v.kind == Kind::kPersistent && !is_class(v); }

  TorchContent content() {
    TorchContent out;
    Ref top = p_.root_ref();
    metadata_ = &out.metadata;
    if (const auto pairs = dictionary(p_[top])) {
      collect_metadata(*pairs);
      if (const auto inner = wrapped(*pairs)) {
        out.wrapper = std::string(p_[inner->first].text);
        top = inner->second;
      }
    }
    flatten(top, "", 0, out.tensors);
    return out;
  }

 private:
  int64_t whole(Ref ref) const {
    const Value& v = p_[ref];
    if ((v.kind != Kind::kInt && v.kind != Kind::kBool) || v.integer < 0)
      bad("has a size or position that is not a whole number");
    return v.integer;
  }

  // The name of the function or class a call is of; empty for any other value.
  std::string_view callee(const Value& v) const {
    if (v.kind != Kind::kCall) return {};
    const Value* callable = &p_[p_.call(v).callable];
    if (is_class(*callable)) callable = &p_[p_[callable->items[0]].items[1]];
    return callable->kind == Kind::kGlobal ? callable->text : std::string_view();
  }
  // Before PyTorch 1.6: ('module', class, file, source).
  bool is_class(const Value& v) const {
    if (v.kind != Kind::kPersistent) return false;
    const Value& id = p_[v.items[0]];
    return id.kind == Kind::kTuple && id.items.size() >= 2 && p_[id.items[0]].text == "module";
  }
  const std::vector<Ref>& arguments(const Value& v) const { return p_[p_.call(v).arguments].items; }

  // The attributes of a torch.nn.Module that was written whole, as keys and values; else null. Its class may be any.
  const std::vector<Ref>* module_attributes(const Value& v) {
    if (v.kind != Kind::kCall) return nullptr;
    const Ref state = p_.call(v).state;
    if (state == Pickle::kNothing || p_[state].kind != Kind::kDict) return nullptr;
    const auto& fields = p_[state].items;
    count(fields.size());
    bool parameters = false, modules = false;
    for (size_t i = 0; i < fields.size(); i += 2) {
      parameters = parameters || p_[fields[i]].text == "_parameters";
      modules = modules || p_[fields[i]].text == "_modules";
    }
    return parameters && modules ? &fields : nullptr;
  }

  // What it consists of: its parameters, buffers and modules, by their names.
  std::vector<Ref> module_parts(const std::vector<Ref>& attributes) {
    std::vector<Ref> out;
    for (const std::string_view wanted : {"_parameters", "_buffers", "_modules"})
      for (size_t i = 0; i < attributes.size(); i += 2) {
        if (p_[attributes[i]].text != wanted) continue;
        if (const auto pairs = plain_dictionary(p_[attributes[i + 1]]))
          out.insert(out.end(), pairs->begin(), pairs->end());
      }
    return out;
  }

  // Key and value references of anything that behaves like a dictionary, in order.
  std::optional<std::vector<Ref>> dictionary(const Value& v) {
    if (const auto* attributes = module_attributes(v)) return module_parts(*attributes);
    const std::string_view name = callee(v);
    if (is_script_class(name)) {
      // Its attributes, by their names: parameters, buffers, modules, and what is none of those.
      const Ref state = p_.call(v).state;
      const bool attributes = state != Pickle::kNothing && p_[state].kind == Kind::kDict;
      return attributes ? visited(p_[state].items) : std::vector<Ref>{};
    }
    if (name != "torch.nn.modules.container.ParameterDict" && name != "torch.nn.modules.container.ParameterList")
      return plain_dictionary(v);
    const Ref state = p_.call(v).state;
    if (state == Pickle::kNothing || p_[state].kind != Kind::kDict) return std::vector<Ref>{};
    const auto& fields = p_[state].items;
    for (size_t i = 0; i < fields.size(); i += 2)
      if (p_[fields[i]].text == "_parameters") return plain_dictionary(p_[fields[i + 1]]);
    return std::vector<Ref>{};
  }

  std::optional<std::vector<Ref>> plain_dictionary(const Value& v) {
    if (v.kind == Kind::kDict) return visited(v.items);
    const std::string_view name = callee(v);
    // Dictionaries of trainers' own kinds, such as an AttributeDict, are written as Python's are.
    if (!name.ends_with("dict") && !name.ends_with("Dict")) return std::nullopt;
    std::vector<Ref> pairs;
    // Python 2 passes the pairs as a list of two-element lists.
    if (!arguments(v).empty() && p_[arguments(v)[0]].kind == Kind::kList)
      for (Ref pair : p_[arguments(v)[0]].items)
        if (p_[pair].items.size() == 2) pairs.insert(pairs.end(), p_[pair].items.begin(), p_[pair].items.end());
    const auto added = p_.call(v).added;
    pairs.insert(pairs.end(), added.begin(), added.end());
    pairs.resize(pairs.size() / 2 * 2);
    return visited(std::move(pairs));
  }

  void count(size_t values) {
    visits_ += values;
    if (visits_ > kMaxVisits) bad("holds more values than any model file needs");
  }
  std::vector<Ref> visited(std::vector<Ref> items) {
    count(items.size());
    return items;
  }

  // The entry that holds the tensors when the top dictionary is only a wrapper.
  std::optional<std::pair<Ref, Ref>> wrapped(const std::vector<Ref>& pairs) {
    for (std::string_view wanted : {"state_dict", "string_to_param"})
      for (size_t i = 0; i < pairs.size(); i += 2)
        if (p_[pairs[i]].kind == Kind::kString && p_[pairs[i]].text == wanted && dictionary(p_[pairs[i + 1]]))
          return std::pair(pairs[i], pairs[i + 1]);
    if (pairs.size() == 2 && p_[pairs[0]].kind == Kind::kString && p_[pairs[0]].text.size() <= kMaxName &&
        dictionary(p_[pairs[1]]))
      return std::pair(pairs[0], pairs[1]);
    return std::nullopt;
  }

  void collect_metadata(const std::vector<Ref>& pairs) {
    bool modules = false;
    for (size_t i = 0; i < pairs.size(); i += 2) {
      const Value& key = p_[pairs[i]];
      if (key.kind != Kind::kString || key.text.size() > kMaxName) continue;
      if (const auto text = plain_text(p_[pairs[i + 1]])) note(std::string(key.text), *text);
      modules = modules || module_attributes(p_[pairs[i + 1]]);
    }
    // What a network was trained with stands beside it in dictionaries.
    for (size_t i = 0; modules && i < pairs.size(); i += 2)
      if (p_[pairs[i]].kind == Kind::kString && p_[pairs[i + 1]].kind == Kind::kDict)
        note_all(p_[pairs[i + 1]].items, std::string(p_[pairs[i]].text));
  }

  void note(const std::string& name, const std::string& text) {
    constexpr size_t kEntry = 64;  // bytes that one takes beside its texts
    metadata_bytes_ += name.size() + text.size() + kEntry;
    if (metadata_bytes_ > kMaxMetadata) bad("holds more text than any model file needs");
    (*metadata_)[name] = text;
  }
  // The plain values of a dictionary, below a name.
  void note_all(const std::vector<Ref>& pairs, const std::string& name) {
    count(pairs.size());
    for (size_t i = 0; i < pairs.size(); i += 2) {
      const Value& key = p_[pairs[i]];
      const bool named = key.kind == Kind::kString && !key.text.starts_with('_');
      if (!named && key.kind != Kind::kInt) continue;
      const std::string whole = join(name, named ? std::string(key.text) : std::to_string(key.integer));
      const Value& value = p_[pairs[i + 1]];
      if (const auto text = listed(value)) note(whole, *text);
      else if (const auto plain = plain_text(value)) note(whole, *plain);
    }
  }

  // A text or number as text.
  static std::optional<std::string> plain_text(const Value& value) {
    switch (value.kind) {
      case Kind::kString:
        if (value.text.size() > 65536) return std::nullopt;
        return std::string(value.text);
      case Kind::kNone: return "None";
      case Kind::kBool: return value.integer != 0 ? "True" : "False";
      case Kind::kInt: return std::to_string(value.integer);
      case Kind::kFloat: return std::to_string(value.number);
      default: return std::nullopt;
    }
  }
  // A number with all its digits, or the numbers of a short list with commas between them.
  std::optional<std::string> listed(const Value& value) const {
    if (value.kind == Kind::kFloat) {
      char digits[64];
      return std::string(digits, std::to_chars(digits, digits + sizeof(digits), value.number).ptr);
    }
    if ((value.kind != Kind::kList && value.kind != Kind::kTuple) || value.items.size() > kMaxPlain)
      return std::nullopt;
    std::string out;
    for (const Ref item : value.items) {
      if (p_[item].kind != Kind::kInt) return std::nullopt;
      out += (out.empty() ? "" : ",") + std::to_string(p_[item].integer);
    }
    return out;
  }

  // What is known of a module beside its tensors: its class as "NAME.__class__", its attributes as "NAME.attribute",
  // and those that are dictionaries of plain values as "NAME.attribute.key".
  void describe(const Value& v, const std::vector<Ref>& attributes, const std::string& name) {
    note(join(name, "__class__"), std::string(callee(v)));
    note_all(attributes, name);
    for (size_t i = 0; i < attributes.size(); i += 2) {
      const Value& key = p_[attributes[i]];
      if (key.kind == Kind::kString && !key.text.starts_with('_') && p_[attributes[i + 1]].kind == Kind::kDict)
        note_all(p_[attributes[i + 1]].items, join(name, key.text));
    }
  }

  void flatten(Ref ref, const std::string& name, int depth, StoredTensors& out) {
    count(1);
    const Value& v = p_[ref];
    if (const auto pairs = dictionary(v)) {
      if (depth == kMaxDepth) bad("nests its dictionaries too deeply");
      if (const auto* attributes = module_attributes(v)) describe(v, *attributes, name);
      for (size_t i = 0; i < pairs->size(); i += 2) {
        const Value& key = p_[(*pairs)[i]];
        if (key.kind == Kind::kString) flatten((*pairs)[i + 1], join(name, key.text), depth + 1, out);
        if (key.kind == Kind::kInt) flatten((*pairs)[i + 1], join(name, std::to_string(key.integer)), depth + 1, out);
      }
    } else if (v.kind == Kind::kList || v.kind == Kind::kTuple) {
      if (depth == kMaxDepth) bad("nests its lists too deeply");
      for (size_t i = 0; i < v.items.size(); ++i) flatten(v.items[i], join(name, std::to_string(i)), depth + 1, out);
    } else if (v.kind == Kind::kCall) {
      Tensor t = tensor(v, name);
      if (!t.defined()) return;
      if (out.size() >= kMaxTensors) bad("holds more tensors than any model file needs");
      out.set(name, std::move(t));
    }
  }

  static std::string join(const std::string& a, std::string_view b) {
    if (a.size() + b.size() > kMaxName) bad("has a tensor with a name of more than 1024 characters");
    return a.empty() ? std::string(b) : a + "." + std::string(b);
  }

  // The tensor a call stands for; undefined when it stands for something else.
  Tensor tensor(const Value& call, const std::string& name) {
    std::string_view function = callee(call);
    const std::vector<Ref>* args = &arguments(call);
    // Parameters and tensors with attributes wrap the call that matters.
    for (int layer = 0; layer < 8; ++layer) {
      if (function == "torch._utils._rebuild_tensor" || function == "torch._utils._rebuild_tensor_v2")
        return args->size() >= 4 ? view(*args, std::nullopt, name) : throw malformed(name);
      if (function == "torch._utils._rebuild_tensor_v3") {
        if (args->size() < 7) throw malformed(name);
        return view(*args, scalar_type((*args)[6], name), name);
      }
      if (function.starts_with("torch._utils._rebuild_parameter")) {
        if (args->empty() || p_[(*args)[0]].kind != Kind::kCall) throw malformed(name);
        const Value& inner = p_[(*args)[0]];
        function = callee(inner);
        args = &arguments(inner);
      } else if (function == "torch._tensor._rebuild_from_type_v2") {
        if (args->size() < 3 || p_[(*args)[0]].kind != Kind::kGlobal || p_[(*args)[2]].kind != Kind::kTuple)
          throw malformed(name);
        function = p_[(*args)[0]].text;
        args = &p_[(*args)[2]].items;
      } else {
        return {};
      }
    }
    throw malformed(name);
  }

  static Error malformed(const std::string& name) {
    return Error(Fault::kBadFile, "tensor '" + name + "' is malformed");
  }

  DType scalar_type(Ref ref, const std::string& name) const {
    for (const TypeName& t : kDTypes)
      if (p_[ref].kind == Kind::kGlobal && p_[ref].text == t.name) return t.dtype;
    throw Error(Fault::kUnsupported, "tensor '" + name + "' has an element type that Easel cannot read");
  }

  // args: storage, offset, sizes, strides, ... `dtype` overrides the storage's own.
  Tensor view(const std::vector<Ref>& args, std::optional<DType> dtype, const std::string& name) {
    const Value& id = p_[args[0]];
    if (id.kind != Kind::kPersistent) throw malformed(name);
    const Loaded& storage = load(args[0], id);
    const DType type = dtype.value_or(storage.dtype);
    const Shape shape = sizes(args[2], name), strides = sizes(args[3], name);
    if (shape.rank() != strides.rank()) throw malformed(name);
    const uint64_t capacity = storage.bytes.bytes / dtype_size(type);
    const uint64_t offset = static_cast<uint64_t>(whole(args[1]));
    check_extent(shape, strides, offset, capacity, name);
    const uint8_t* data = storage.bytes.data + offset * dtype_size(type);
    if (reinterpret_cast<uintptr_t>(data) % dtype_size(type) != 0) throw malformed(name);
    return Tensor(storage.bytes.owner, const_cast<uint8_t*>(data), shape, strides, type);
  }

  Shape sizes(Ref ref, const std::string& name) const {
    const Value* v = &p_[ref];
    if (callee(*v) == "torch.Size" && arguments(*v).size() == 1) v = &p_[arguments(*v)[0]];
    if (v->kind != Kind::kTuple && v->kind != Kind::kList) throw malformed(name);
    if (v->items.size() > static_cast<size_t>(Shape::kMaxRank))
      throw Error(Fault::kUnsupported, "tensor '" + name + "' has more than six dimensions");
    Shape out;
    for (Ref item : v->items) out.push_back(whole(item));
    return out;
  }

  // Every element must lie inside the storage, and a few stored elements must not pose as very many.
  static void check_extent(const Shape& shape, const Shape& strides, uint64_t offset, uint64_t capacity,
                           const std::string& name) {
    constexpr uint64_t kMost = uint64_t{1} << 58;
    uint64_t elements = 1, last = 0, span = 0;
    bool empty = false, overflow = false;
    for (int i = 0; i < shape.rank(); ++i) {
      const auto size = static_cast<uint64_t>(shape[i]), stride = static_cast<uint64_t>(strides[i]);
      overflow |= stride > kMost;
      if (size == 0) {
        empty = true;
        continue;
      }
      overflow |= __builtin_mul_overflow(elements, size, &elements) ||
                  __builtin_mul_overflow(size - 1, stride, &span) || __builtin_add_overflow(last, span, &last);
    }
    if (overflow || elements > kMost || last > kMost || offset > capacity)
      bad("tensor '" + name + "' lies outside its storage");
    if (empty) return;
    if (last >= capacity - offset)
      bad("tensor '" + name + "' lies outside its storage: it reaches element " + std::to_string(offset + last) +
          " of " + std::to_string(capacity));
    if (elements > std::max<uint64_t>(capacity, 1 << 20))
      bad("tensor '" + name + "' claims " + std::to_string(elements) + " elements in a storage of " +
          std::to_string(capacity));
  }

  struct Loaded {
    StorageBytes bytes;
    DType dtype = DType::kU8;
  };

  const Loaded& load(Ref ref, const Value& id) {
    const auto [it, fresh] = loaded_.try_emplace(ref);
    if (!fresh) return it->second;
    const StorageName name = storage_name(id);
    Loaded storage{(*storages_)(name), name.dtype};
    const auto& tuple = p_[id.items[0]].items;
    if (tuple.size() >= 6 && p_[tuple[5]].kind == Kind::kTuple) narrow(p_[tuple[5]].items, storage);
    return it->second = std::move(storage);
  }

  // Before PyTorch 1.6 a storage could be a part of another: (key, first element, elements).
  void narrow(const std::vector<Ref>& part, Loaded& storage) const {
    if (part.size() != 3) bad("has a malformed view of a storage");
    const uint64_t size = dtype_size(storage.dtype), capacity = storage.bytes.bytes / size;
    const auto first = static_cast<uint64_t>(whole(part[1])), count = static_cast<uint64_t>(whole(part[2]));
    if (first > capacity || count > capacity - first) bad("has a view that leaves its storage");
    storage.bytes.data += first * size;
    storage.bytes.bytes = count * size;
  }

  const Pickle& p_;
  const StorageSource* storages_;
  std::unordered_map<Ref, Loaded> loaded_;
  Metadata* metadata_ = nullptr;
  size_t visits_ = 0, metadata_bytes_ = 0;
};

}  // namespace

std::vector<StorageName> list_storages(const Pickle& pickle) {
  const Interpreter interpreter(pickle, nullptr);
  std::vector<StorageName> out;
  std::unordered_map<std::string, bool> seen;
  for (Ref r = 0; r < pickle.size(); ++r) {
    if (!interpreter.names_storage(pickle[r])) continue;
    StorageName name = interpreter.storage_name(pickle[r]);
    if (seen.emplace(name.key, true).second) out.push_back(std::move(name));
  }
  return out;
}

TorchContent interpret_torch(const Pickle& pickle, const StorageSource& storages) {
  return Interpreter(pickle, &storages).content();
}

}  // namespace easel::formats

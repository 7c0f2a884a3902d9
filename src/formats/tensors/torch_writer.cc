#include "formats/tensors/torch_writer.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "base/error.h"

namespace easel::formats {
namespace {

constexpr uint64_t kBig = 0xffffffffu;  // sizes from here on need zip64 fields
constexpr uint64_t kAlignment = 64;     // as torch does, so that storages can be used in place

void put(std::string& out, uint64_t value, int width) {
  for (int i = 0; i < width; ++i) out += static_cast<char>(i < 8 ? value >> (8 * i) : 0);
}

std::string_view storage_class(DType dtype) {
  switch (dtype) {
    case DType::kF32: return "FloatStorage";
    case DType::kF16: return "HalfStorage";
    case DType::kBF16: return "BFloat16Storage";
    case DType::kF64: return "DoubleStorage";
    case DType::kI64: return "LongStorage";
    case DType::kI32: return "IntStorage";
    case DType::kI16: return "ShortStorage";
    case DType::kI8: return "CharStorage";
    case DType::kU8: return "ByteStorage";
    case DType::kBool: return "BoolStorage";
    default: throw Error(Fault::kUnsupported, "torch files with 8-bit floats are not written");
  }
}

// The pickle of nested dictionaries of tensors, one storage each.
class Pickler {
 public:
  explicit Pickler(const std::vector<TorchItem>& items) : items_(items) {}

  std::string write(const std::map<std::string, int64_t>& numbers) {
    out_ = "\x80\x02";
    open_dictionary();
    entries(0, items_.size(), 0);
    for (const auto& [name, value] : numbers) {
      text(name);
      integer(value);
    }
    out_ += "u.";
    return std::move(out_);
  }

  // The items are the module's tensors in order.
  std::string write(const std::string& name, const TorchModule& module,
                    const std::vector<std::pair<std::string, TorchPlain>>& beside) {
    out_ = "\x80\x02";
    open_dictionary();
    text(name);
    whole(module);
    for (const auto& [key, value] : beside) {
      text(key);
      plain(value);
    }
    out_ += "u.";
    return std::move(out_);
  }

 private:
  void open_dictionary() { out_ += "}("; }
  void text(std::string_view s) {
    out_ += 'X';
    put(out_, s.size(), 4);
    out_ += s;
  }
  void integer(int64_t v) {
    if (v >= 0 && v < 256) {
      out_ += 'K';
      put(out_, static_cast<uint64_t>(v), 1);
    } else if (v >= std::numeric_limits<int32_t>::min() && v <= std::numeric_limits<int32_t>::max()) {
      out_ += 'J';
      put(out_, static_cast<uint64_t>(v), 4);
    } else {
      out_ += "\x8a\x08";
      put(out_, static_cast<uint64_t>(v), 8);
    }
  }
  void global(std::string_view module, std::string_view name) {
    out_ += 'c';
    out_ += module;
    out_ += '\n';
    out_ += name;
    out_ += '\n';
  }
  void integers(const Shape& values) {
    out_ += '(';
    for (int64_t v : values) integer(v);
    out_ += 't';
  }

  void plain(const TorchPlain& value) {
    if (std::holds_alternative<std::nullptr_t>(value)) out_ += 'N';
    if (const auto* v = std::get_if<bool>(&value)) out_ += *v ? '\x88' : '\x89';
    if (const auto* v = std::get_if<int64_t>(&value)) integer(*v);
    if (const auto* v = std::get_if<double>(&value)) {
      out_ += 'G';
      const auto bits = std::bit_cast<uint64_t>(*v);
      for (int i = 7; i >= 0; --i) out_ += static_cast<char>(bits >> (8 * i));
    }
    if (const auto* v = std::get_if<std::string>(&value)) text(*v);
    if (const auto* v = std::get_if<std::vector<int64_t>>(&value)) {
      out_ += '(';
      for (const int64_t n : *v) integer(n);
      out_ += 't';
    }
    if (const auto* v = std::get_if<std::map<int64_t, std::string>>(&value)) {
      open_dictionary();
      for (const auto& [key, word] : *v) {
        integer(key);
        text(word);
      }
      out_ += 'u';
    }
    if (const auto* v = std::get_if<std::map<std::string, int64_t>>(&value)) {
      open_dictionary();
      for (const auto& [key, number] : *v) {
        text(key);
        integer(number);
      }
      out_ += 'u';
    }
  }

  void class_of(const std::string& kind) {
    const size_t dot = kind.rfind('.');
    global(kind.substr(0, dot), kind.substr(dot + 1));
  }
  // Dictionaries that torch keeps in order.
  void open_ordered() {
    global("collections", "OrderedDict");
    out_ += ")R(";
  }

  void whole(const TorchModule& module) {
    class_of(module.kind);
    out_ += ")\x81";  // an object without arguments, whose state follows
    const uint64_t kept = memo_;
    if (!module.own_method.empty()) {
      out_ += 'r';  // for what its state says of itself
      put(out_, memo_++, 4);
    }
    open_dictionary();
    text("training");
    out_ += '\x89';
    text("_parameters");
    open_ordered();
    for (const auto& [name, shape] : module.parameters) {
      text(name);
      global("torch._utils", "_rebuild_parameter");
      out_ += '(';
      tensor(next_++);
      out_ += '\x88';
      global("collections", "OrderedDict");
      out_ += ")RtR";
    }
    out_ += 'u';
    text("_buffers");
    open_ordered();
    for (const auto& [name, shape] : module.buffers) {
      text(name);
      tensor(next_++);
    }
    out_ += 'u';
    text("_non_persistent_buffers_set");
    global("__builtin__", "set");
    out_ += "(]tR";
    text("_modules");
    open_ordered();
    for (const auto& [name, inner] : module.modules) {
      text(name);
      whole(inner);
    }
    out_ += 'u';
    for (const auto& [name, value] : module.attributes) {
      text(name);
      plain(value);
    }
    if (!module.method_of.empty()) {
      text("detect");
      global("__builtin__", "getattr");
      out_ += '(';
      class_of(module.method_of);
      text("forward");
      out_ += "tR";
    }
    if (!module.own_method.empty()) {
      text("forward");
      global("__builtin__", "getattr");
      out_ += "(j";
      put(out_, kept, 4);
      text(module.own_method);
      out_ += "tR";
    }
    out_ += "ub";
  }

  // Items [first, last) share their first `depth` names.
  void entries(size_t first, size_t last, size_t depth) {
    while (first < last) {
      const auto& path = items_[first].path;
      text(path[depth]);
      if (path.size() == depth + 1) {
        tensor(first++);
        continue;
      }
      size_t end = first + 1;
      while (end < last && items_[end].path.size() > depth + 1 && items_[end].path[depth] == path[depth]) ++end;
      open_dictionary();
      entries(first, end, depth + 1);
      out_ += 'u';
      first = end;
    }
  }
  void tensor(size_t index) {
    const TorchItem& item = items_[index];
    global("torch._utils", "_rebuild_tensor_v2");
    out_ += "((";
    text("storage");
    global("torch", storage_class(item.dtype));
    text(std::to_string(index));
    text("cpu");
    integer(item.shape.numel());
    out_ += "tQ";
    integer(0);
    integers(item.shape);
    integers(contiguous_strides(item.shape));
    out_ += '\x89';  // requires no gradient
    global("collections", "OrderedDict");
    out_ += ")RtR";
  }

  const std::vector<TorchItem>& items_;
  std::string out_;
  size_t next_ = 0;    // the item that the next tensor of a module is
  uint64_t memo_ = 0;  // objects that are kept to be named again
};

std::vector<TorchItem> items_of(const TorchModule& module, DType dtype) {
  std::vector<TorchItem> out;
  for (auto& [name, shape] : module.tensors()) out.push_back({{name}, dtype, shape});
  return out;
}

}  // namespace

std::vector<std::pair<std::string, Shape>> TorchModule::tensors(const std::string& prefix) const {
  std::vector<std::pair<std::string, Shape>> out;
  for (const auto* list : {&parameters, &buffers})
    for (const auto& [name, shape] : *list) out.emplace_back(prefix + name, shape);
  for (const auto& [name, inner] : modules)
    for (auto& one : inner.tensors(prefix + name + ".")) out.push_back(std::move(one));
  return out;
}

TorchWriter::TorchWriter(const std::filesystem::path& path, std::vector<TorchItem> items,
                         const std::map<std::string, int64_t>& numbers)
    : file_(path), folder_("archive"), items_(std::move(items)) {
  for (const TorchItem& item : items_)
    if (item.path.empty()) throw Error(Fault::kUsage, "a tensor without a name").in_file(path.string());
  whole_entry("data.pkl", Pickler(items_).write(numbers));
  begin_storages();
}

TorchWriter::TorchWriter(const std::filesystem::path& path, const std::string& name, const TorchModule& module,
                         DType dtype, const std::vector<std::pair<std::string, TorchPlain>>& beside)
    : file_(path), folder_("archive"), items_(items_of(module, dtype)) {
  whole_entry("data.pkl", Pickler(items_).write(name, module, beside));
  begin_storages();
}

void TorchWriter::begin_entry(const std::string& name, uint64_t bytes) {
  Entry e{folder_ + "/" + name, file_.position(), 0, bytes, 0};
  std::string zip64;
  if (bytes >= kBig) {
    put(zip64, 1, 2);
    put(zip64, 16, 2);
    put(zip64, bytes, 8);
    put(zip64, bytes, 8);
  }
  // A padding field "FB" brings the data to the alignment.
  const uint64_t fixed = e.offset + 30 + e.name.size() + zip64.size() + 4;
  const uint64_t padding = (kAlignment - fixed % kAlignment) % kAlignment;
  std::string header;
  put(header, 0x04034b50, 4);
  put(header, bytes >= kBig ? 45 : 20, 2);  // version needed
  put(header, 0, 2);                        // flags
  put(header, 0, 2);                        // method: stored
  put(header, 0, 2);                        // time
  put(header, 0x21, 2);                     // date: the first day of 1980
  put(header, 0, 4);                        // checksum, known in end_entry()
  put(header, std::min(bytes, kBig), 4);
  put(header, std::min(bytes, kBig), 4);
  put(header, e.name.size(), 2);
  put(header, zip64.size() + 4 + padding, 2);
  header += e.name + zip64;
  put(header, 0x4246, 2);
  put(header, padding, 2);
  header.append(padding, 'Z');
  file_.write(header);
  e.data = file_.position();
  e.crc = static_cast<uint32_t>(crc32(0, nullptr, 0));
  entries_.push_back(std::move(e));
}

void TorchWriter::end_entry() {
  std::string crc;
  put(crc, entries_.back().crc, 4);
  file_.write_at(entries_.back().offset + 14, crc.data(), crc.size());
}

void TorchWriter::whole_entry(const std::string& name, std::string_view content) {
  begin_entry(name, content.size());
  entries_.back().crc = static_cast<uint32_t>(
      crc32_z(entries_.back().crc, reinterpret_cast<const unsigned char*>(content.data()), content.size()));
  file_.write(content);
  end_entry();
}

// Opens the entry of the next storage that has bytes; empty ones are written in passing.
void TorchWriter::begin_storages() {
  for (; next_ < items_.size(); ++next_) {
    left_ = static_cast<uint64_t>(items_[next_].shape.numel()) * dtype_size(items_[next_].dtype);
    begin_entry("data/" + std::to_string(next_), left_);
    if (left_ > 0) return;
    end_entry();
  }
}

void TorchWriter::write(const void* data, size_t bytes) {
  const auto* p = static_cast<const unsigned char*>(data);
  while (bytes > 0) {
    if (next_ == items_.size()) throw Error(Fault::kInternal, "more tensor data than declared");
    const size_t n = static_cast<size_t>(std::min<uint64_t>(bytes, left_));
    entries_.back().crc = static_cast<uint32_t>(crc32_z(entries_.back().crc, p, n));
    file_.write(p, n);
    p += n;
    bytes -= n;
    left_ -= n;
    if (left_ > 0) return;
    end_entry();
    ++next_;
    begin_storages();
  }
}

void TorchWriter::commit() {
  if (next_ != items_.size()) throw Error(Fault::kInternal, "less tensor data than declared");
  whole_entry("version", "3\n");
  write_directory();
  file_.commit();
}

void TorchWriter::write_directory() {
  const uint64_t start = file_.position();
  std::string list;
  for (const Entry& e : entries_) {
    std::string zip64;
    if (e.bytes >= kBig) {
      put(zip64, e.bytes, 8);
      put(zip64, e.bytes, 8);
    }
    if (e.offset >= kBig) put(zip64, e.offset, 8);
    put(list, 0x02014b50, 4);
    put(list, 45, 2);                       // version made by
    put(list, zip64.empty() ? 20 : 45, 2);  // version needed
    put(list, 0, 2);
    put(list, 0, 2);
    put(list, 0, 2);
    put(list, 0x21, 2);
    put(list, e.crc, 4);
    put(list, std::min(e.bytes, kBig), 4);
    put(list, std::min(e.bytes, kBig), 4);
    put(list, e.name.size(), 2);
    put(list, zip64.empty() ? 0 : zip64.size() + 4, 2);
    put(list, 0, 2 + 2 + 2 + 4);  // comment, disk, attributes
    put(list, std::min(e.offset, kBig), 4);
    list += e.name;
    if (!zip64.empty()) {
      put(list, 1, 2);
      put(list, zip64.size(), 2);
      list += zip64;
    }
  }
  const uint64_t bytes = list.size(), count = entries_.size();
  if (start >= kBig || count >= 0xffff) {
    put(list, 0x06064b50, 4);
    put(list, 44, 8);
    put(list, 45, 2);
    put(list, 45, 2);
    put(list, 0, 4 + 4);
    put(list, count, 8);
    put(list, count, 8);
    put(list, bytes, 8);
    put(list, start, 8);
    put(list, 0x07064b50, 4);
    put(list, 0, 4);
    put(list, start + bytes, 8);
    put(list, 1, 4);
  }
  put(list, 0x06054b50, 4);
  put(list, 0, 2 + 2);
  put(list, std::min<uint64_t>(count, 0xffff), 2);
  put(list, std::min<uint64_t>(count, 0xffff), 2);
  put(list, bytes, 4);
  put(list, std::min(start, kBig), 4);
  put(list, 0, 2);
  file_.write(list);
}

}  // namespace easel::formats

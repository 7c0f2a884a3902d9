#include "formats/tensors/model_file.h"

#include <gtest/gtest.h>

#include <random>

#include "formats/temp_files.h"
#include "formats/tensors/torch_writer.h"
#include "formats/torch_samples.h"
#include "formats/zip_builder.h"
#include "support/paths.h"

namespace easel::formats {
namespace {

using testing::build_zip;
using testing::from_hex;
using testing::TempFolder;
using testing::ZipPart;

ModelFile open_bytes(const std::string& content) {
  TempFolder folder;
  return open_model_file(folder.file("model.bin", content));
}

// The message of the error that opening such a file gives.
std::string error_of(const std::string& content) {
  try {
    open_bytes(content);
  } catch (const Error& e) {
    EXPECT_TRUE(e.fault() == Fault::kBadFile || e.fault() == Fault::kUnsupported);
    EXPECT_NE(e.file().find("model.bin"), std::string::npos);
    return e.message();
  }
  return "no error";
}

std::vector<float> values(const StoredTensor& t) {
  const Tensor x = t.decoded();
  return {x.f32(), x.f32() + x.numel()};
}

// Pieces of a pickle, protocol 2.
std::string text(const std::string& s) {
  std::string out = "X";
  testing::put_le(out, s.size(), 4);
  return out + s;
}
std::string global(const std::string& module, const std::string& name) { return "c" + module + "\n" + name + "\n"; }
std::string number(int64_t v) {
  std::string out = "\x8a\x08";
  testing::put_le(out, static_cast<uint64_t>(v), 8);
  return out;
}
std::string storage(const std::string& type, const std::string& key, int64_t elements) {
  return "(" + text("storage") + global("torch", type) + text(key) + text("cpu") + number(elements) + "tQ";
}
std::string shape(const std::vector<int64_t>& dims) {
  std::string out = "(";
  for (int64_t d : dims) out += number(d);
  return out + "t";
}
std::string tensor(const std::string& storage_id, int64_t offset, const std::vector<int64_t>& dims,
                   const std::vector<int64_t>& strides) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage_id + number(offset) + shape(dims) +
         shape(strides) + "\x89" + global("collections", "OrderedDict") + ")RtR";
}
std::string dictionary(const std::string& key, const std::string& value) { return "}" + text(key) + value + "s"; }

// A torch file of this pickle, with 16 bytes in storage "0".
std::string torch_zip(const std::string& pickle, const std::string& data = std::string(16, '\0')) {
  return build_zip({{.name = "m/data.pkl", .content = "\x80\x02" + pickle + "."},
                    {.name = "m/data/0", .content = data},
                    {.name = "m/version", .content = "3\n"}});
}

TEST(ModelFile, ReadsWhatTorchWroteInBothForms) {
  for (const bool legacy : {false, true}) {
    const ModelFile file = open_bytes(from_hex(legacy ? testing::kTorchLegacyHex : testing::kTorchZipHex));
    EXPECT_EQ(file.container, legacy ? Container::kTorchLegacy : Container::kTorchZip);
    EXPECT_EQ(file.wrapper, "state_dict");
    EXPECT_EQ(file.metadata.at("global_step"), "470000");
    EXPECT_EQ(file.metadata.at("note"), "x");
    std::vector<std::string> names;
    for (const auto& [name, t] : *file.tensors) names.push_back(name);
    EXPECT_EQ(names, (std::vector<std::string>{"a", "t", "tail", "h", "b", "i", "flag", "s", "p", "byte"}));
    const auto get = [&](const char* name) { return *file.tensors->find(name); };
    EXPECT_EQ(get("a").str(), "F32[3, 4]");
    EXPECT_EQ(values(get("a"))[11], 11.0f);
    EXPECT_EQ(get("t").str(), "F32[4, 3]");
    EXPECT_EQ(values(get("t"))[1], 4.0f);
    EXPECT_EQ(get("t").data(), get("a").data());
    EXPECT_EQ(values(get("tail")), (std::vector<float>{8, 9, 10, 11}));
    EXPECT_EQ(get("h").encoding(), "F16");
    EXPECT_EQ(values(get("h")), (std::vector<float>{1.5f, -2.0f}));
    EXPECT_EQ(get("b").str(), "BF16[2, 1]");
    EXPECT_EQ(values(get("b")), (std::vector<float>{1.5f, 3.0f}));
    EXPECT_EQ(get("i").str(), "I64[2]");
    EXPECT_EQ(values(get("i")), (std::vector<float>{7.0f, -1.0f}));
    EXPECT_EQ(get("flag").str(), "BOOL[2]");
    EXPECT_EQ(get("s").str(), "F64[]");
    EXPECT_EQ(values(get("s")), (std::vector<float>{2.5f}));
    EXPECT_EQ(values(get("p")), (std::vector<float>{1.0f, 1.0f}));
    EXPECT_EQ(values(get("byte")), (std::vector<float>{1.0f, 255.0f}));
  }
}

TEST(ModelFile, ToldByContentNotByName) {
  TempFolder folder;
  StoredTensors map;
  map.set("x", Tensor::of(Shape{2}, {1, 2}));
  write_safetensors(folder.path() / "model.ckpt", map, {{"k", "v"}});
  const ModelFile file = open_model_file(folder.path() / "model.ckpt");
  EXPECT_EQ(file.container, Container::kSafetensors);
  EXPECT_EQ(file.metadata.at("k"), "v");
  EXPECT_EQ(file.tensors->size(), 1u);
}

TEST(ModelFile, WriterAndReaderAgree) {
  TempFolder folder;
  TorchWriter writer(folder.path() / "a.bin",
                     {{{"image_proj", "w"}, DType::kF16, Shape{2, 2}},
                      {{"image_proj", "none"}, DType::kF32, Shape{0}},
                      {{"ip_adapter", "1.to_k"}, DType::kF32, Shape{}},
                      {{"flat"}, DType::kI64, Shape{1}}},
                     {{"global_step", 0}, {"big", int64_t{1} << 40}});
  const uint16_t half[4] = {0x3c00, 0x4000, 0x4200, 0x4400};
  const float scalar = 2.5f;
  const int64_t integer = -3;
  writer.write(half, 3);
  EXPECT_THROW(writer.commit(), Error);
  writer.write(reinterpret_cast<const char*>(half) + 3, 5);
  writer.write(&scalar, 4);
  writer.write(&integer, 8);
  EXPECT_THROW(writer.write("x", 1), Error);
  writer.commit();

  const ModelFile file = open_model_file(folder.path() / "a.bin");
  EXPECT_EQ(file.wrapper, "");
  EXPECT_EQ(file.metadata.at("global_step"), "0");
  EXPECT_EQ(file.metadata.at("big"), "1099511627776");
  EXPECT_EQ(values(*file.tensors->find("image_proj.w")), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file.tensors->find("image_proj.w")->data()) % 64, 0u);
  EXPECT_EQ(file.tensors->find("image_proj.none")->numel(), 0);
  EXPECT_EQ(values(*file.tensors->find("ip_adapter.1.to_k")), (std::vector<float>{2.5f}));
  EXPECT_EQ(values(*file.tensors->find("flat")), (std::vector<float>{-3.0f}));
}

TEST(ModelFile, UnwrapsEmbeddingsAndSingleDictionaries) {
  const std::string t = tensor(storage("FloatStorage", "0", 4), 0, {2, 2}, {2, 1});
  const ModelFile plain =
      open_bytes(torch_zip("}(" + text("name") + text("tok") + text("string_to_param") + dictionary("*", t) + "u"));
  EXPECT_EQ(plain.wrapper, "string_to_param");
  EXPECT_EQ(plain.metadata.at("name"), "tok");
  EXPECT_NE(plain.tensors->find("*"), nullptr);
  // As torch.nn.ParameterDict pickles itself.
  const std::string module =
      global("torch.nn.modules.container", "ParameterDict") + ")\x81" +
      dictionary("_parameters", global("collections", "OrderedDict") + ")R" + text("*") + t + "s") + "b";
  EXPECT_NE(open_bytes(torch_zip(dictionary("string_to_param", module))).tensors->find("*"), nullptr);
  const ModelFile single = open_bytes(torch_zip(dictionary("params_ema", dictionary("w", t))));
  EXPECT_EQ(single.wrapper, "params_ema");
  EXPECT_NE(single.tensors->find("w"), nullptr);
  EXPECT_NE(open_bytes(torch_zip(dictionary("<tok>", t))).tensors->find("<tok>"), nullptr);
  EXPECT_NE(open_bytes(torch_zip("]" + dictionary("w", t) + "a")).tensors->find("0.w"), nullptr);
}

TEST(ModelFile, PassesOverWhatTrainingLeavesBehind) {
  const std::string callback = global("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint");
  const std::string best = global("numpy.core.multiarray", "scalar") + "(" + global("numpy", "dtype") + "(" +
                           text("f8") + number(0) + "\x88tR" + text("12345678") + "tR";
  const std::string pickle = "}(" + text("callbacks") + "}" + callback + dictionary("best", best) + "s" + text("args") +
                             global("argparse", "Namespace") + ")\x81" + dictionary("lr", "K\1") + "b" +
                             text("state_dict") +
                             dictionary("w", tensor(storage("FloatStorage", "0", 4), 0, {4}, {1})) + "u";
  const ModelFile file = open_bytes(torch_zip(std::string(pickle)));
  EXPECT_EQ(file.tensors->size(), 1u);
}

// Whatever class a training script kept beside the weights, with arguments, state and further tensors: it is passed
// over, and only what the state dict reaches is there.
TEST(ModelFile, UnknownClassesAreOpaque) {
  const std::string t = tensor(storage("FloatStorage", "0", 4), 0, {4}, {1});
  std::string beside;
  int n = 0;
  for (const auto& [module, name] : std::vector<std::pair<const char*, const char*>>{
           {"pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"},
           {"ldm.modules.ema", "LitEma"},
           {"ldm.lr_scheduler", "LambdaLinearScheduler"},
           {"argparse", "Namespace"},
           {"datetime", "datetime"},
           {"datetime", "timedelta"},
           {"omegaconf.dictconfig", "DictConfig"},
           {"omegaconf.base", "ContainerMetadata"},
           {"collections", "deque"},
           {"collections", "Counter"},
           {"pathlib", "PosixPath"},
           {"pathlib._local", "PosixPath"},
           {"uuid", "UUID"},
           {"decimal", "Decimal"},
           {"torch.optim.adamw", "AdamW"},
           {"torch.nn.modules.linear", "Linear"},
           {"functools", "partial"},
           {"__builtin__", "type"},  // type(None)
           {"types", "SimpleNamespace"},
           {"__main__", "TrainingConfig"},
           {"mytrainer.config", "Config.Inner"}})
    beside +=
        text("k" + std::to_string(n++)) + global(module, name) + "(" + text("a") + "K\1tR" + dictionary("t", t) + "b";
  const ModelFile file = open_bytes(torch_zip("}(" + beside + text("state_dict") + dictionary("w", t) + "u"));
  ASSERT_EQ(file.tensors->size(), 1u);
  EXPECT_EQ(values(*file.tensors->find("w")).size(), 4u);
  // A trainer's own kind of dictionary holds tensors as Python's do.
  const std::string own = global("pytorch_lightning.utilities.parsing", "AttributeDict") + ")R" + text("w") + t + "s";
  EXPECT_NE(open_bytes(torch_zip("}(" + text("epoch") + "K\1" + text("state_dict") + own + "u")).tensors->find("w"),
            nullptr);
}

TEST(ModelFile, RefusesCodeByName) {
  const std::string call = global("posix", "system") + "(" + text("touch /tmp/easel-was-here") + "tR";
  EXPECT_EQ(error_of(torch_zip(call)), "contains code: it names 'posix.system'");
  EXPECT_EQ(error_of(torch_zip(dictionary("x", global("os", "system")))), "contains code: it names 'os.system'");
  EXPECT_EQ(error_of(torch_zip("}" + text("a") + "(cnt\nsystem\n" + text("x") + "os")),
            "contains code: it names 'nt.system'");
  EXPECT_EQ(error_of(torch_zip("(" + text("x") + "ios\nsystem\n")), "contains code: it names 'os.system'");
  EXPECT_EQ(error_of(torch_zip(global("yaml", "load"))), "contains code: it names 'yaml.load'");
  EXPECT_EQ(error_of(torch_zip(text("builtins") + text("eval") + "\x93")), "contains code: it names 'builtins.eval'");
  EXPECT_EQ(error_of(torch_zip(global("torch.storage", "_load_from_bytes"))),
            "contains code: it names 'torch.storage._load_from_bytes'");
  EXPECT_EQ(error_of(torch_zip(global("collections", "OrderedDict.__init__"))),
            "contains code: it names 'collections.OrderedDict.__init__'");
  for (const auto& [module, name] :
       std::vector<std::pair<const char*, const char*>>{{"os", "popen"},
                                                        {"os.path", "join"},
                                                        {"subprocess", "Popen"},
                                                        {"sys", "exit"},
                                                        {"socket", "socket"},
                                                        {"shutil", "rmtree"},
                                                        {"builtins", "exec"},
                                                        {"builtins", "getattr"},
                                                        {"builtins", "__import__"},
                                                        {"__builtin__", "eval"},
                                                        {"importlib", "import_module"},
                                                        {"runpy", "run_path"},
                                                        {"pickle", "loads"},
                                                        {"_pickle", "Unpickler"},
                                                        {"dill", "loads"},
                                                        {"marshal", "loads"},
                                                        {"ctypes", "CDLL"},
                                                        {"torch", "load"},
                                                        {"torch.hub", "load"},
                                                        {"torch.jit", "load"},
                                                        {"torch.serialization", "load"},
                                                        {"torch.package", "X"},
                                                        {"numpy", "load"},
                                                        {"numpy.testing._private.utils", "runstring"},
                                                        {"operator", "attrgetter"},
                                                        {"functools", "reduce"},
                                                        {"webbrowser", "open"},
                                                        {"tempfile", "mktemp"},
                                                        {"asyncio", "run"},
                                                        {"multiprocessing.util", "spawnv_passfds"},
                                                        {"mytrainer.os", "remove"},
                                                        {"mytrainer", "os.remove"},
                                                        {"mytrainer", "eval"},
                                                        {"mytrainer", "Config.load"},
                                                        {"mytrainer", "Config.__globals__"},
                                                        {"codecs", "open"},
                                                        {"copyreg", "pickle"},
                                                        {"types", "FunctionType"},
                                                        {"pathlib", "os.system"},
                                                        {"pip", "main"},
                                                        {"code", "interact"},
                                                        {"pdb", "run"},
                                                        {"timeit", "timeit"},
                                                        {"_io", "open"}})
    EXPECT_EQ(error_of(torch_zip(dictionary("x", global(module, name)))),
              "contains code: it names '" + std::string(module) + "." + name + "'");
  // The same in the older form, behind a correct start.
  std::string legacy = from_hex(testing::kTorchLegacyHex).substr(0, 15) + "\x80\x02M\xe9\x03.\x80\x02}.";
  EXPECT_EQ(error_of(legacy + "\x80\x02" + call + "."), "contains code: it names 'posix.system'");
  EXPECT_FALSE(std::filesystem::exists("/tmp/easel-was-here"));
}

// What Python's pickler makes of a module of torch that is written whole (make_module_sample.py): it is read like its
// state_dict(), with what it says of itself beside, and nothing of its classes is looked for.
TEST(ModelFile, ReadsModulesThatWereWrittenWhole) {
  const ModelFile file =
      open_model_file(std::filesystem::path(testing::kSourceDir) / "tests/fuzz/corpus/torch_file/module");
  std::vector<std::string> names;
  for (const auto& [name, t] : *file.tensors) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"model.model.0.conv.weight", "model.model.1.anchors",
                                             "model.model.1.cv2.conv.weight"}));
  EXPECT_EQ(file.tensors->find("model.model.0.conv.weight")->str(), "F16[2, 1, 1, 1]");
  EXPECT_EQ(values(*file.tensors->find("model.model.1.cv2.conv.weight")), (std::vector<float>{3.0f, 2.0f}));
  for (const auto& [name, text] : std::vector<std::pair<const char*, const char*>>{
           {"epoch", "-1"},
           {"ema", "None"},
           {"train_args.imgsz", "640"},
           {"model.__class__", "ultralytics.nn.tasks.SegmentationModel"},
           {"model.names.0", "face"},
           {"model.names.1", "hand"},
           {"model.yaml.nc", "1"},
           {"model.model.0.f", "-1"},
           {"model.model.0.act.__class__", "torch.nn.modules.activation.SiLU"},
           {"model.model.0.conv.stride", "2,2"},
           {"model.model.0.conv.padding_mode", "zeros"},
           {"model.model.1.f", "-1,0"},
           {"model.model.1.eps", "0.001"},
           {"model.model.1.cv2.act.inplace", "True"}}) {
    const auto it = file.metadata.find(name);
    ASSERT_NE(it, file.metadata.end()) << name;
    EXPECT_EQ(it->second, text) << name;
  }
}

// getattr stands for a method of a class or an object when it is called with that and the method's name, and for
// nothing else.
TEST(ModelFile, MethodsAreTheOnlyAttributes) {
  const std::string t = tensor(storage("FloatStorage", "0", 4), 0, {4}, {1});
  const auto with = [&](const std::string& value) {
    return error_of(torch_zip("}(" + text("state_dict") + dictionary("w", t) + text("x") + value + "u"));
  };
  const std::string getattr = global("__builtin__", "getattr"), owner = global("ultralytics.nn.modules", "Detect");
  const std::string refused = "contains code: it names '__builtin__.getattr'";
  EXPECT_EQ(with(getattr + "(" + owner + text("forward") + "tR"), "no error");
  EXPECT_EQ(with(getattr + "(" + owner + text("__globals__") + "tR"), refused);
  // Of an object, here one that is its own attribute's owner, as fuse() writes it.
  const std::string object = owner + ")\x81q\2}" + text("forward") + getattr + "(h\2";
  EXPECT_EQ(with(object + text("forward_fuse") + "tRsb"), "no error");
  EXPECT_EQ(with(object + text("__reduce__") + "tRsb"), refused);
  EXPECT_EQ(with(getattr + "(]" + text("forward_fuse") + "tR"), refused);
  EXPECT_EQ(with(getattr + "(" + object + text("forward_fuse") + "tRsb" + text("forward_fuse") + "tR)R"),
            "damaged pickle: it calls something that is not a named function");
  EXPECT_EQ(with(getattr + "(" + text("Detect") + text("forward") + "tR"), refused);
  EXPECT_EQ(with(getattr + "(" + owner + text("forward") + text("forward") + "tR"), refused);
  EXPECT_EQ(with(getattr), refused);
  EXPECT_EQ(with(getattr + "(" + getattr + text("forward") + "tR"), refused);
  EXPECT_EQ(with(global("mytrainer", "run") + "(" + getattr + "tR"), refused);
  // What is allowed once does not allow it elsewhere.
  EXPECT_EQ(with("(" + getattr + "q\1(" + owner + text("forward") + "tRh\1t"), refused);
  EXPECT_EQ(error_of(torch_zip(getattr)), refused);
  EXPECT_EQ(with(global("os", "getattr")), "contains code: it names 'os.getattr'");
  // A method that was found is not called either.
  EXPECT_EQ(with(getattr + "(" + owner + text("forward") + "tR)R"),
            "damaged pickle: it calls something that is not a named function");
  // dill names Python's types by a function of its own.
  EXPECT_EQ(with(global("dill._dill", "_load_type") + "(" + text("SetType") + "tR(]tR"), "no error");
  EXPECT_EQ(with(global("dill._dill", "_create_function") + ")R"),
            "contains code: it names 'dill._dill._create_function'");
}

// Modules within modules, without an end or very many of them.
TEST(ModelFile, HostileModulesAreRefused) {
  const auto module = [](const std::string& state) {
    return global("torch.nn", "Module") + ")\x81q\1}(" + text("_parameters") + "}" + state + "ub";
  };
  // One that holds itself.
  EXPECT_EQ(error_of(torch_zip("}(" + text("model") + module(text("_modules") + "}" + text("m") + "h\1s") + "u")),
            "nests its dictionaries too deeply");
  // Each of thirty holds the one before twice.
  std::string nested = module(text("_modules") + "}") + "q\2";
  for (int i = 0; i < 30; ++i)
    nested = nested + "0" + module(text("_modules") + "}(" + text("a") + "h\2" + text("b") + "h\2u") + "q\2";
  EXPECT_EQ(error_of(torch_zip("}" + text("model") + nested + "s")), "holds more values than any model file needs");
  // An attribute that is as long as the file, named by very many modules.
  std::string wide = text(std::string(60000, 'x')) + "q\3" + "0}(";
  for (int i = 0; i < 400; ++i)
    wide += text("m" + std::to_string(i)) + module(text("_modules") + "}" + text("a") + "h\3");
  EXPECT_EQ(error_of(torch_zip(wide + "u")), "holds more text than any model file needs");
}

TEST(ModelFile, RefusesTensorsThatLeaveTheirStorage) {
  const std::string s = storage("FloatStorage", "0", 4);
  const auto message = [&](int64_t offset, const std::vector<int64_t>& dims, const std::vector<int64_t>& strides) {
    return error_of(torch_zip(dictionary("x", tensor(s, offset, dims, strides))));
  };
  EXPECT_EQ(message(0, {4}, {1}), "no error");
  EXPECT_EQ(message(0, {1000}, {0}), "no error");
  EXPECT_EQ(message(0, {5}, {1}), "tensor 'x' lies outside its storage: it reaches element 4 of 4");
  EXPECT_EQ(message(1, {4}, {1}), "tensor 'x' lies outside its storage: it reaches element 4 of 4");
  EXPECT_EQ(message(0, {2, 2}, {3, 1}), "tensor 'x' lies outside its storage: it reaches element 4 of 4");
  EXPECT_EQ(message(5, {0}, {1}), "tensor 'x' lies outside its storage");
  EXPECT_EQ(message(0, {int64_t{1} << 62, int64_t{1} << 62}, {0, 0}), "tensor 'x' lies outside its storage");
  EXPECT_EQ(message(0, {0, 2}, {int64_t{1} << 62, int64_t{1} << 62}), "tensor 'x' lies outside its storage");
  EXPECT_EQ(message(0, {int64_t{1} << 40}, {0}), "tensor 'x' claims 1099511627776 elements in a storage of 4");
  EXPECT_EQ(message(-1, {4}, {1}), "has a size or position that is not a whole number");
  EXPECT_EQ(message(0, {4}, {-1}), "has a size or position that is not a whole number");
  EXPECT_EQ(message(0, {1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1}), "tensor 'x' has more than six dimensions");
  EXPECT_EQ(message(0, {2}, {1, 1}), "tensor 'x' is malformed");
  EXPECT_EQ(error_of(torch_zip(dictionary("x", tensor(storage("FloatStorage", "0", 5), 0, {4}, {1})))),
            "storage '0' has 16 bytes, too few for 5 elements");
  EXPECT_EQ(error_of(torch_zip(dictionary("x", tensor(storage("FloatStorage", "1", 4), 0, {4}, {1})))),
            "the archive lacks 'data/1'");
  EXPECT_EQ(error_of(torch_zip(dictionary("x", tensor(storage("ComplexFloatStorage", "0", 2), 0, {2}, {1})))),
            "has a tensor of the kind 'torch.ComplexFloatStorage', which Easel cannot read");
}

TEST(ModelFile, ReadsUntypedStoragesWithTheirType) {
  const std::string id =
      "(" + text("storage") + global("torch.storage", "UntypedStorage") + text("0") + text("cpu") + number(4) + "tQ";
  const std::string t = global("torch._utils", "_rebuild_tensor_v3") + "(" + id + number(0) + shape({2}) + shape({1}) +
                        "\x89" + global("collections", "OrderedDict") + ")R" + global("torch", "float16") + "tR";
  const ModelFile file = open_bytes(torch_zip(dictionary("w", t), std::string("\x00\x3c\x00\xc0", 4)));
  EXPECT_EQ(values(*file.tensors->find("w")), (std::vector<float>{1.0f, -2.0f}));
}

TEST(ModelFile, RefusesArchivesThatWouldHaveToBeInflated) {
  const std::string pickle = "\x80\x02}.";
  EXPECT_EQ(error_of(build_zip({{.name = "m/data.pkl", .content = pickle, .method = 8}})),
            "'data.pkl' is compressed in the archive, which torch never does");
  EXPECT_EQ(error_of(build_zip({{.name = "m/data.pkl", .content = pickle, .flags = 1}})),
            "'data.pkl' is compressed in the archive, which torch never does");
  // A storage that promises to grow to 4 GiB.
  EXPECT_EQ(error_of(build_zip(
                {{.name = "m/data.pkl",
                  .content = "\x80\x02" + dictionary("x", tensor(storage("FloatStorage", "0", 4), 0, {4}, {1})) + "."},
                 {.name = "m/data/0", .content = "abc", .method = 8, .claimed_size = 0xfffffff0}})),
            "'data/0' is compressed in the archive, which torch never does");
}

TEST(ModelFile, RefusesDamagedArchives) {
  const std::string pickle = "\x80\x02}.";
  EXPECT_EQ(error_of(build_zip({{.name = "m/data.pkl", .content = pickle, .claimed_size = 100000}})),
            "damaged zip archive: an entry lies outside the file");
  EXPECT_EQ(error_of(build_zip({{.name = "m/data.pkl", .content = pickle, .claimed_offset = 0xfffffff0}})),
            "damaged zip archive: it ends too early");
  EXPECT_EQ(error_of(build_zip({{.name = "m/data.pkl", .content = pickle}, {.name = "m/data.pkl", .content = pickle}})),
            "the archive names 'm/data.pkl' twice");
  EXPECT_EQ(error_of(build_zip({{.name = "m/data.pkl", .content = pickle}, {.name = "n/data.pkl", .content = pickle}})),
            "the archive has two pickles");
  EXPECT_EQ(error_of(build_zip({{.name = "readme.txt", .content = "hello"}})),
            "is a zip archive, but not one that torch.save wrote: it has no data.pkl");
  const std::string whole = torch_zip("}");
  EXPECT_EQ(error_of(whole.substr(0, whole.size() - 1)), "damaged zip archive: its directory is missing");
  EXPECT_EQ(error_of(whole.substr(0, 20)), "damaged zip archive: it ends too early");
}

TEST(ModelFile, ReadsZip64) {
  const std::string pickle = "\x80\x02" + dictionary("epoch", "K\7") + ".";
  EXPECT_EQ(open_bytes(testing::build_zip64("m/data.pkl", pickle)).metadata.at("epoch"), "7");
  EXPECT_EQ(error_of(testing::build_zip64("m/data.pkl", pickle, 16)), "damaged zip archive: it ends too early");
  EXPECT_EQ(error_of(testing::build_zip64("m/data.pkl", pickle, 60000)),
            "damaged zip archive: an entry lies outside the file");
  EXPECT_EQ(error_of(testing::build_zip64("m/data.pkl", pickle, 24, 3)),
            "damaged zip archive: its zip64 directory is missing");
  EXPECT_EQ(error_of(testing::build_zip64("m/data.pkl", pickle, 24, int64_t{1} << 62)),
            "damaged zip archive: its zip64 directory is missing");
}

TEST(ModelFile, HoldsOutAgainstPicklesThatExplode) {
  // Each list holds the one before twice: two to the power of thirty paths.
  std::string shared = "]q";
  shared += '\1';
  for (char i = 1; i < 31; ++i) {
    shared += "](h";
    shared += i;
    shared += 'h';
    shared += i;
    shared += "eq";
    shared += static_cast<char>(i + 1);
  }
  EXPECT_EQ(error_of(torch_zip(shared)), "holds more values than any model file needs");
  EXPECT_EQ(error_of(torch_zip(std::string(300'000, ']') + std::string(299'999, 'a'))), "nests its lists too deeply");
  EXPECT_EQ(error_of(torch_zip(std::string(2'500'000, '}'))),
            "damaged pickle: it holds more values than any model file needs");
  EXPECT_EQ(error_of(torch_zip(std::string(2'500'000, '('))),
            "damaged pickle: its stack grows beyond what a model file needs");
  EXPECT_EQ(error_of(torch_zip("]q\1h\1a")), "nests its lists too deeply");  // a list that holds itself
  EXPECT_EQ(error_of(torch_zip("0")), "damaged pickle: it takes a value that is not there");
  EXPECT_EQ(error_of(torch_zip("h\5")), "damaged pickle: it recalls a value it never stored");
  EXPECT_EQ(error_of(torch_zip("X\xff\xff\xff\xff")), "damaged pickle: it ends too early");
  EXPECT_EQ(error_of(torch_zip("\x82\1")), "damaged pickle: opcode 130 at byte 2 is not one that data need");
}

// What a pickle mentions twice it stores once: what is copied for each mention must end somewhere.
TEST(ModelFile, HoldsOutAgainstPicklesThatMultiply) {
  const size_t before = testing::peak_memory();
  const auto numbered = [](char prefix, int i) { return text(prefix + std::to_string(i)); };
  // One text of 60,000 characters as the value of a thousand keys.
  std::string metadata = "}" + text("k") + text(std::string(60000, 'x')) + "q\1s";
  for (int i = 0; i < 1000; ++i) metadata += numbered('k', i) + "h\1s";
  EXPECT_EQ(error_of(torch_zip(metadata)), "holds more text than any model file needs");
  // A dictionary of 400 tensors with long names under 400 long names.
  std::string inner = "}q\1", outer;
  const std::string pad(400, 'n');
  for (int i = 0; i < 400; ++i)
    inner += text(pad + std::to_string(i)) +
             (i == 0 ? tensor(storage("FloatStorage", "0", 4), 0, {4}, {1}) + "q\2" : "h\2") + "s";
  outer = "}" + text("x") + inner + "s";
  for (int i = 0; i < 400; ++i) outer += text(pad + std::to_string(i)) + "h\1s";
  EXPECT_EQ(error_of(torch_zip(outer)), "holds more tensors than any model file needs");
  // A Python name made of two long texts, recalled again and again.
  std::string names = text("torch.optim." + std::string(240, 'm')) + "q\1" + text(std::string(250, 'n')) + "q\2";
  for (int i = 0; i < 200'000; ++i)
    names +=
        "h\1h\2\x93"
        "0";
  EXPECT_EQ(error_of(torch_zip(names + "N")), "damaged pickle: it holds more text than any model file needs");
#if defined(__SANITIZE_ADDRESS__)
  constexpr size_t kMost = 1200;  // it keeps what was freed
#else
  constexpr size_t kMost = 400;
#endif
  EXPECT_LT(testing::peak_memory() - before, kMost << 20);
}

TEST(ModelFile, RefusesArchivesWhoseEntriesOverlap) {
  const std::string pickle = "\x80\x02}.";
  const std::string message = error_of(build_zip({{.name = "m/data.pkl", .content = pickle},
                                                  {.name = "m/data/0", .content = "12345678"},
                                                  {.name = "m/data/1", .content = "12345678", .claimed_offset = 44}}));
  EXPECT_EQ(message, "damaged zip archive: entries 'm/data/0' and 'm/data/1' overlap");
}

TEST(ModelFile, NamesWhatOtherFilesAre) {
  EXPECT_EQ(error_of(""), "the file is empty");
  EXPECT_EQ(error_of("version https://git-lfs.github.com/spec/v1\n"), "is a Git LFS pointer, not the model itself");
  EXPECT_EQ(error_of("<!DOCTYPE html>"), "is a web page, not a model file");
  EXPECT_EQ(error_of("GGUF1234"), "is a GGUF file");
  EXPECT_EQ(error_of(std::string(257, 'x') + "ustar"),
            "is a torch file of the tar form, last written before PyTorch 0.2");
  EXPECT_EQ(error_of("\x80\x02}."), "is a Python pickle, but not one that torch.save wrote");
  EXPECT_EQ(
      error_of("hello you"),
      "is not a model file: neither safetensors nor torch nor ONNX (it starts with the bytes 68 65 6c 6c 6f 20 79 6f)");
  EXPECT_THROW(open_model_file("/nonexistent/model.ckpt"), Error);
  EXPECT_THROW(open_model_file("/tmp"), Error);
}

TEST(ModelFile, EveryDamagedByteGivesAResultOrAnError) {
  for (const auto hex : {testing::kTorchZipHex, testing::kTorchLegacyHex}) {
    const std::string good = from_hex(hex);
    std::mt19937 random(2);
    for (int round = 0; round < 2500; ++round) {
      std::string bytes = good;
      for (int i = 0, n = 1 + static_cast<int>(random() % 3); i < n; ++i)
        bytes[random() % bytes.size()] = static_cast<char>(random());
      if (round % 8 == 0) bytes.resize(random() % (bytes.size() + 1));
      try {
        const testing::MemoryFile damaged(bytes);
        const ModelFile file = open_model_file(damaged.path());
        for (const auto& [name, t] : *file.tensors) (void)values(t);
      } catch (const Error&) {
      }
    }
  }
}

}  // namespace
}  // namespace easel::formats

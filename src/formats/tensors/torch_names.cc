#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/error.h"
#include "formats/tensors/torch_pickle.h"

namespace easel::formats {
namespace {

using Names = std::initializer_list<std::string_view>;

bool one_of(std::string_view name, Names names) {
  for (std::string_view n : names)
    if (n == name) return true;
  return false;
}

std::string_view first_part(std::string_view dotted) { return dotted.substr(0, dotted.find('.')); }

// `module` itself or one below it.
bool within(std::string_view module, std::string_view package) {
  return module.starts_with(package) && (module.size() == package.size() || module[package.size()] == '.');
}

// Whether a part of a dotted name, in any position, names something that runs programs, evaluates code, imports, or
// accesses files, the network or the attributes of other values.
bool acts_anywhere(std::string_view part) {
  return one_of(part, {"os",      "nt",      "posix",      "posixpath",   "ntpath",       "sys",           "subprocess",
                       "socket",  "shutil",  "builtins",   "__builtin__", "__builtins__", "importlib",     "runpy",
                       "pickle",  "_pickle", "cPickle",    "pickletools", "ctypes",       "_ctypes",       "marshal",
                       "eval",    "exec",    "execfile",   "system",      "popen",        "import_module", "getattr",
                       "setattr", "delattr", "breakpoint", "load_module", "exec_module"});
}

// Packages nothing of which has a place beside weights.
bool acts_as_package(std::string_view package) {
  return one_of(package, {"_io",
                          "_thread",
                          "_winapi",
                          "_winreg",
                          "_posixsubprocess",
                          "aiohttp",
                          "ast",
                          "asyncio",
                          "atexit",
                          "bdb",
                          "cProfile",
                          "cffi",
                          "cloudpickle",
                          "code",
                          "codeop",
                          "commands",
                          "compileall",
                          "concurrent",
                          "dbm",
                          "dill",
                          "dis",
                          "distutils",
                          "doctest",
                          "ensurepip",
                          "fcntl",
                          "fileinput",
                          "ftplib",
                          "gc",
                          "glob",
                          "http",
                          "httplib",
                          "httpx",
                          "idlelib",
                          "imaplib",
                          "imp",
                          "inspect",
                          "io",
                          "joblib",
                          "lib2to3",
                          "linecache",
                          "mmap",
                          "msvcrt",
                          "multiprocessing",
                          "nntplib",
                          "operator",
                          "_operator",
                          "paramiko",
                          "pdb",
                          "pexpect",
                          "pip",
                          "pkg_resources",
                          "pkgutil",
                          "platform",
                          "poplib",
                          "profile",
                          "pty",
                          "py_compile",
                          "pydoc",
                          "requests",
                          "resource",
                          "setuptools",
                          "shelve",
                          "signal",
                          "site",
                          "smtplib",
                          "socketserver",
                          "sqlite3",
                          "ssl",
                          "symtable",
                          "tarfile",
                          "telnetlib",
                          "tempfile",
                          "test",
                          "threading",
                          "timeit",
                          "tkinter",
                          "trace",
                          "turtle",
                          "unittest",
                          "urllib",
                          "urllib2",
                          "urllib3",
                          "venv",
                          "webbrowser",
                          "winreg",
                          "xmlrpc",
                          "yaml",
                          "zipfile",
                          "zipimport"});
}

// Whether a name has such effects although its package may appear in a checkpoint.
bool acts_within_package(std::string_view module, std::string_view name) {
  const std::string_view package = first_part(module);
  if (package == "torch") {
    for (std::string_view part :
         {"torch.hub", "torch.jit", "torch.package", "torch.serialization", "torch.utils", "torch._C", "torch.ops",
          "torch._ops", "torch.classes", "torch._classes", "torch.distributed", "torch.multiprocessing", "torch.fx",
          "torch.onnx", "torch.library", "torch._inductor", "torch._dynamo", "torch.testing", "torch.export"})
      if (within(module, part)) return true;
    return one_of(name, {"load", "save", "hub", "jit", "compile", "ops", "classes", "package", "utils", "serialization",
                         "_load_from_bytes", "load_library", "from_file"});
  }
  if (package == "numpy") {
    for (std::string_view part : {"numpy.testing", "numpy.f2py", "numpy.distutils", "numpy.ctypeslib", "numpy.lib"})
      if (within(module, part)) return true;
    return one_of(name, {"load", "save", "savez", "savetxt", "loadtxt", "genfromtxt", "fromfile", "tofile", "memmap",
                         "frompyfunc", "vectorize"});
  }
  if (package == "copyreg" || package == "copy_reg")
    return !one_of(name, {"_reconstructor", "__newobj__", "__newobj_ex__"});
  if (package == "_codecs" || package == "codecs") return !one_of(name, {"encode", "decode"});
  if (package == "functools") return name != "partial";
  if (package == "types") return name != "SimpleNamespace" && name != "MappingProxyType";
  return within(module, "logging.config");
}

// Python's own types, which make plain values, and type itself, by a call of which the type of None is written.
bool plain_builtin(std::string_view name) {
  return one_of(name, {"set",     "frozenset", "list",     "dict",     "tuple",    "int",       "long",  "float",
                       "complex", "bool",      "str",      "unicode",  "bytes",    "bytearray", "slice", "range",
                       "xrange",  "object",    "NoneType", "ellipsis", "Ellipsis", "type"});
}

bool upper(char c) { return c >= 'A' && c <= 'Z'; }

bool acts(std::string_view module, std::string_view name) {
  if (module == "builtins" || module == "__builtin__") return !plain_builtin(name);
  if (module == "dill._dill" && name == "_load_type") return false;  // one of Python's types by its name, of old YOLOs
  if (acts_as_package(first_part(module)) || acts_within_package(module, name)) return true;
  for (const std::string_view dotted : {module, name})
    for (std::string_view rest = dotted; !rest.empty();) {
      const std::string_view part = first_part(rest);
      // Names that Python keeps for itself lead to everything; its copyreg's are seen to above.
      const bool own = part.starts_with("__") && part != "__main__" && first_part(module) != "copyreg";
      // A dotted name leads from a class to any of its attributes: only classes within classes are let through.
      const bool attribute =
          dotted.data() == name.data() && dotted.size() > part.size() && !part.empty() && !upper(part.front());
      if (part.empty() || own || attribute || acts_anywhere(part)) return true;
      rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    }
  return module.empty() || name.empty();
}

}  // namespace

void check_torch_global(std::string_view module, std::string_view name) {
  if (!acts(module, name)) return;
  throw Error(Fault::kBadFile, "contains code: it names '" + std::string(module) + "." + std::string(name) + "'")
      .fix("Easel reads model files as data only. If you trust the file, convert it to safetensors where it was made");
}

}  // namespace easel::formats

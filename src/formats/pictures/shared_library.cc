#include "formats/pictures/shared_library.h"

#include <dlfcn.h>

#include <string>
#include <utility>

#include "base/error.h"

namespace easel::formats {

LibrarySymbol* SharedLibrary::add(LibrarySymbol& symbol) {
  MutexLock lock(mutex_);
  return std::exchange(symbols_, &symbol);
}

void SharedLibrary::open() {
  if (opened_.load(std::memory_order_acquire)) return;
  MutexLock lock(mutex_);
  if (opened_.load(std::memory_order_relaxed)) return;
  find_symbols();
  opened_.store(true, std::memory_order_release);
}

void SharedLibrary::find_symbols() {
  // Debian names a library's package by its soname: libheif.so.1 is in libheif1.
  std::string package = soname_;
  if (const size_t so = package.find(".so."); so != std::string::npos) package.replace(so, 4, "");
  const auto lacking = [&](const std::string& why) {
    return Error(Fault::kUnsupported,
                 "is of the format " + std::string(format_) + ", which needs a library that is not here: " + why)
        .fix("Install " + package + ", or save the picture as PNG");
  };
  void* library = dlopen(soname_, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* why = dlerror();
    throw lacking(why ? why : soname_);
  }
  for (LibrarySymbol* symbol = symbols_; symbol; symbol = symbol->before_) {
    symbol->address_ = dlsym(library, symbol->name_);
    if (!symbol->address_) throw lacking(std::string(soname_) + " has no " + symbol->name_);
  }
}

}  // namespace easel::formats

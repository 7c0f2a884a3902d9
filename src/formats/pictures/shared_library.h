// Libraries that are opened when the first picture of their format is read. Linked to the program, these five libraries
// and the forty that they need in turn (among them encoders of films) make it start four times as slowly.
#pragma once

#include <atomic>

#include "base/mutex.h"

namespace easel::formats {

class LibrarySymbol;

// The functions of a library, all found when it is opened.
class SharedLibrary {
 public:
  // `soname`: as the build found it, "libheif.so.1"; `format`: what it reads, for people.
  SharedLibrary(const char* soname, const char* format) : soname_(soname), format_(format) {}

  // To be called before any of its functions; cheap after the first time. It stays open for ever. Throws
  // Error(kUnsupported) where the library, or a function of it, is not on this machine; a later call tries again.
  void open();

 private:
  friend class LibrarySymbol;
  // Returns the one before it.
  LibrarySymbol* add(LibrarySymbol& symbol);
  void find_symbols() EASEL_REQUIRES(mutex_);

  const char* const soname_;
  const char* const format_;
  Mutex mutex_;
  std::atomic<bool> opened_{false};                            // all addresses are there
  LibrarySymbol* symbols_ EASEL_GUARDED_BY(mutex_) = nullptr;  // the last one; each knows the one before
};

class LibrarySymbol {
 public:
  LibrarySymbol(SharedLibrary& library, const char* name) : name_(name), before_(library.add(*this)) {}
  LibrarySymbol(const LibrarySymbol&) = delete;
  LibrarySymbol& operator=(const LibrarySymbol&) = delete;

 protected:
  void* address_ = nullptr;

 private:
  friend class SharedLibrary;
  const char* const name_;
  LibrarySymbol* const before_;
};

template <class Signature>
class LibraryFunction;

template <class Result, class... Arguments>
class LibraryFunction<Result(Arguments...)> : LibrarySymbol {
 public:
  using LibrarySymbol::LibrarySymbol;
  Result operator()(Arguments... arguments) const {
    return reinterpret_cast<Result (*)(Arguments...)>(address_)(arguments...);
  }
};

template <class Result, class... Arguments>
class LibraryFunction<Result(Arguments..., ...)> : LibrarySymbol {
 public:
  using LibrarySymbol::LibrarySymbol;
  template <class... More>
  Result operator()(Arguments... arguments, More... more) const {
    return reinterpret_cast<Result (*)(Arguments..., ...)>(address_)(arguments..., more...);
  }
};

}  // namespace easel::formats

// Declares, in a namespace of ours, an object that is called like the function of the library, by its name.
#define EASEL_LIBRARY_FUNCTION(library, name) LibraryFunction<decltype(::name)> name((library), #name)

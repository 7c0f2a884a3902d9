// Libraries that are opened when the first picture of their format is read. Linked to the program, the five of them and
// what they need in turn (encoders of films among it) triple the time in which it starts.
#pragma once

#include <atomic>

#include "base/mutex.h"

namespace easel::formats {

class LateSymbol;

// The functions of a library, all found when it is opened.
class LateLibrary {
 public:
  // `soname`: as the build found it, "libheif.so.1"; `format`: what it reads, for people.
  LateLibrary(const char* soname, const char* format) : soname_(soname), format_(format) {}

  // To be called before any of its functions; cheap after the first time. It stays open for ever. Throws
  // Error(kUnsupported) where the library, or a function of it, is not on this machine; a later call tries again.
  void open();

 private:
  friend class LateSymbol;
  void find_symbols();

  const char* soname_;
  const char* format_;
  Mutex mutex_;
  std::atomic<bool> opened_{false};
  LateSymbol* symbols_ = nullptr;  // the last one; each knows the one before
};

class LateSymbol {
 public:
  LateSymbol(LateLibrary& library, const char* name) : name_(name), before_(library.symbols_) {
    library.symbols_ = this;
  }
  LateSymbol(const LateSymbol&) = delete;
  LateSymbol& operator=(const LateSymbol&) = delete;

 protected:
  void* address_ = nullptr;

 private:
  friend class LateLibrary;
  const char* name_;
  LateSymbol* before_;
};

template <class Signature>
class LateFunction;

template <class Result, class... Arguments>
class LateFunction<Result(Arguments...)> : LateSymbol {
 public:
  using LateSymbol::LateSymbol;
  Result operator()(Arguments... arguments) const {
    return reinterpret_cast<Result (*)(Arguments...)>(address_)(arguments...);
  }
};

template <class Result, class... Arguments>
class LateFunction<Result(Arguments..., ...)> : LateSymbol {
 public:
  using LateSymbol::LateSymbol;
  template <class... More>
  Result operator()(Arguments... arguments, More... more) const {
    return reinterpret_cast<Result (*)(Arguments..., ...)>(address_)(arguments..., more...);
  }
};

}  // namespace easel::formats

// Declares, in a namespace of ours, an object that is called like the function of the library, by its name.
#define EASEL_LATE_FUNCTION(library, name) LateFunction<decltype(::name)> name((library), #name)

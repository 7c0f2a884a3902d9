#include "ops/vulkan/device/api.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/error.h"

namespace easel::ops::vulkan {
namespace {

VKAPI_ATTR VkBool32 VKAPI_CALL end_the_program(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                               const VkDebugUtilsMessengerCallbackDataEXT* data, void*) {
  std::fprintf(stderr, "Vulkan's validation layers: %s\n", data->pMessage);
  std::abort();
}

bool validates() {
  const char* wanted = std::getenv("EASEL_VULKAN_VALIDATE");
  return wanted && std::strcmp(wanted, "1") == 0;
}

// Why no instance was made.
void explain(VkResult made, Api& out) {
  if (made == VK_ERROR_LAYER_NOT_PRESENT) {
    out.missing = "EASEL_VULKAN_VALIDATE is set, but the validation layers are not there";
    out.advice = "Unset it, or install them: vulkan-validationlayers on Debian and Ubuntu";
  } else if (made == VK_ERROR_INCOMPATIBLE_DRIVER) {
    out.missing = "Vulkan's loader found no driver";
    for (const char* name : {"VK_DRIVER_FILES", "VK_ICD_FILENAMES"})
      if (const char* files = std::getenv(name); files && out.advice.empty()) {
        out.missing += " where " + std::string(name) + " says, " + files;
        out.advice = "Unset " + std::string(name) + ", or let it name the file of a driver that is there";
      }
  } else {
    out.missing = "no driver of Vulkan's starts (VkResult " + std::to_string(made) + ")";
  }
}

Api open() {
  Api out;
  void* const library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    out.missing = "Vulkan's loader, libvulkan.so.1, is not installed";
    out.advice = "Install it beside the card's driver: libvulkan1 on Debian and Ubuntu";
    return out;
  }
  const auto get = reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(library, "vkGetInstanceProcAddr"));
  const auto create = get ? reinterpret_cast<PFN_vkCreateInstance>(get(nullptr, "vkCreateInstance")) : nullptr;
  const auto version =
      get ? reinterpret_cast<PFN_vkEnumerateInstanceVersion>(get(nullptr, "vkEnumerateInstanceVersion")) : nullptr;
  uint32_t found = 0;
  if (!create || !version || version(&found) != VK_SUCCESS || found < VK_API_VERSION_1_2) {
    out.missing = "Vulkan's loader, libvulkan.so.1, is older than Vulkan 1.2";
    out.advice = "Update it: libvulkan1 on Debian and Ubuntu";
    return out;
  }
  VkApplicationInfo program{};
  program.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  program.pApplicationName = "easel";
  program.apiVersion = VK_API_VERSION_1_2;
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pApplicationInfo = &program;
  const char* const layer = "VK_LAYER_KHRONOS_validation";
  const char* const extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  VkDebugUtilsMessengerCreateInfoEXT messages{};
  messages.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
  messages.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  messages.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
  messages.pfnUserCallback = end_the_program;
  if (validates()) {
    info.enabledLayerCount = info.enabledExtensionCount = 1;
    info.ppEnabledLayerNames = &layer;
    info.ppEnabledExtensionNames = &extension;
    info.pNext = &messages;
  }
  const VkResult made = create(&info, nullptr, &out.instance);
  if (made != VK_SUCCESS) {
    explain(made, out);
    return out;
  }
  bool whole = true;
#define EASEL_VULKAN_LOAD(name)                                      \
  out.name = reinterpret_cast<PFN_##name>(get(out.instance, #name)); \
  whole = whole && out.name;
  EASEL_VULKAN_INSTANCE_FUNCTIONS(EASEL_VULKAN_LOAD)
#undef EASEL_VULKAN_LOAD
  if (!whole) {
    out.instance = VK_NULL_HANDLE;
    out.missing = "libvulkan.so.1 lacks functions of Vulkan 1.2";
    return out;
  }
  if (validates()) {
    const auto watch =
        reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(get(out.instance, "vkCreateDebugUtilsMessengerEXT"));
    VkDebugUtilsMessengerEXT messenger = VK_NULL_HANDLE;
    if (watch) check(watch(out.instance, &messages, nullptr, &messenger), "watching its messages", "Vulkan's loader");
  }
  return out;
}

}  // namespace

const Api& api() {
  static const Api* const opened = new Api(open());  // drivers have threads of their own: nothing is closed at the end
  return *opened;
}

void check(VkResult result, const char* what, const std::string& card) {
  switch (result) {
    case VK_SUCCESS:
    case VK_INCOMPLETE: return;
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_TOO_MANY_OBJECTS:
      throw Error(Fault::kMemory, card + " is out of memory, while " + what)
          .fix("Use a smaller size or batch, close other programs that use it, or --device cpu");
    case VK_ERROR_DEVICE_LOST:
      throw Error(Fault::kUnsupported, card + " was lost, while " + what)
          .fix(
              "Start Easel again, or use --device cpu; with --device vulkan,cpu a server goes on with the processor. "
              "The system's log says why the driver gave it up");
    default:
      throw Error(Fault::kUnsupported,
                  "the driver of " + card + " refuses " + what + " (VkResult " + std::to_string(result) + ")")
          .fix("Use another driver, or --device cpu");
  }
}

}  // namespace easel::ops::vulkan

# easel_picture_library(PICTURE TARGET LIBRARY...): EaselPicture::PICTURE has what compiling needs, but does not link the
# library, which is opened when a picture is read (src/formats/pictures/shared_library.h), by the name in
# EASEL_SONAME_PICTURE. EaselPicture::linked_PICTURE is for tests, which write pictures. Paths are gathered in
# EASEL_OPENED_LIBRARIES, a line each, for packages.
function(easel_picture_library picture target)
  list(GET ARGN 0 library)
  execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${library} OUTPUT_VARIABLE headers ERROR_QUIET)
  if(NOT headers MATCHES "SONAME +([^ \n]+)")
    message(FATAL_ERROR "${library} is no shared library; -DEASEL_BUILD_${picture}=OFF builds without ${picture} pictures")
  endif()
  set(soname ${CMAKE_MATCH_1})
  string(TOLOWER easel_picture_${picture} name)
  add_library(${name} INTERFACE)
  target_include_directories(${name} SYSTEM INTERFACE $<TARGET_PROPERTY:${target},INTERFACE_INCLUDE_DIRECTORIES>)
  target_compile_options(${name} INTERFACE $<TARGET_PROPERTY:${target},INTERFACE_COMPILE_OPTIONS>)
  target_link_libraries(${name} INTERFACE ${CMAKE_DL_LIBS})
  add_library(EaselPicture::${picture} ALIAS ${name})
  add_library(EaselPicture::linked_${picture} ALIAS ${target})
  set(EASEL_SONAME_${picture} ${soname} PARENT_SCOPE)
  set(EASEL_OPENED_LIBRARIES "${EASEL_OPENED_LIBRARIES}${library}\n" PARENT_SCOPE)
endfunction()

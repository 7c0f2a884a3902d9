# easel_embed_assets(TARGET FOLDER FALLBACK): gives TARGET the files of FOLDER as the table behind server/assets.h.
# Where FOLDER has no index.html (the page was not built), FALLBACK is the only page. Files are taken in by the
# assembler, so that a large script costs no compile time. The same file, run by `cmake -P`, writes the source.
if(CMAKE_SCRIPT_MODE_FILE)
  function(content_type file result)
    get_filename_component(extension "${file}" LAST_EXT)
    set(${result} "application/octet-stream" PARENT_SCOPE)
    foreach(pair IN ITEMS "text/html; charset=utf-8|.html" "text/javascript; charset=utf-8|.js|.mjs"
        "text/css; charset=utf-8|.css" "application/json|.json|.map" "application/manifest+json|.webmanifest"
        "image/svg+xml|.svg" "image/png|.png" "image/jpeg|.jpg|.jpeg" "image/webp|.webp" "image/x-icon|.ico"
        "font/woff2|.woff2" "application/wasm|.wasm" "text/plain; charset=utf-8|.txt")
      string(FIND "${pair}|" "|${extension}|" at)
      if(NOT at EQUAL -1)
        string(REGEX REPLACE "\\|.*" "" type "${pair}")
        set(${result} "${type}" PARENT_SCOPE)
      endif()
    endforeach()
  endfunction()

  file(GLOB_RECURSE files RELATIVE ${FOLDER} ${FOLDER}/*)
  if(NOT EXISTS ${FOLDER}/index.html)
    get_filename_component(FOLDER ${FALLBACK} DIRECTORY)
    get_filename_component(files ${FALLBACK} NAME)
  endif()
  find_program(GZIP gzip)
  file(REMOVE_RECURSE ${SCRATCH})
  file(MAKE_DIRECTORY ${SCRATCH})
  set(symbols "")
  set(data "")
  set(rows "")
  set(n 0)
  macro(take_in symbol path)
    string(APPEND data "asm(\".section .rodata\\n.global ${symbol}\\n.global ${symbol}_end\\n"
      "${symbol}:\\n.incbin \\\"${path}\\\"\\n${symbol}_end:\\n.byte 0\\n.previous\\n\");\n")
    string(APPEND symbols "extern \"C\" const char ${symbol}[], ${symbol}_end[];\n")
  endmacro()
  foreach(file IN LISTS files)
    set(path "/${file}")
    if(NOT EXISTS ${FOLDER}/index.html)
      set(path "/index.html")
    endif()
    content_type(${file} type)
    file(SHA256 ${FOLDER}/${file} hash)
    string(SUBSTRING ${hash} 0 16 hash)
    set(immutable false)
    if(file MATCHES "^assets/.*-[A-Za-z0-9_-]+\\.[a-z0-9]+$")
      set(immutable true)
    endif()
    take_in(easel_asset_${n} ${FOLDER}/${file})
    set(zipped "std::string_view()")
    if(GZIP AND type MATCHES "text/|json|svg|wasm")
      execute_process(COMMAND ${GZIP} -9 -n -c ${FOLDER}/${file} OUTPUT_FILE ${SCRATCH}/${n}.gz RESULT_VARIABLE failed)
      if(NOT failed)
        take_in(easel_asset_${n}_gz ${SCRATCH}/${n}.gz)
        set(zipped "text(easel_asset_${n}_gz, easel_asset_${n}_gz_end)")
      endif()
    endif()
    string(APPEND rows "      {\"${path}\", \"${type}\", \"\\\"${hash}\\\"\", ${immutable},\n"
      "       text(easel_asset_${n}, easel_asset_${n}_end), ${zipped}},\n")
    math(EXPR n "${n} + 1")
  endforeach()
  file(WRITE ${OUTPUT} "// Written by cmake/EmbedAssets.cmake.\n#include \"server/assets.h\"\n\n${data}\n${symbols}\n"
    "namespace easel::server {\n\n"
    "std::span<const Asset> assets() {\n"
    "  const auto text = [](const char* begin, const char* end) {\n"
    "    return std::string_view(begin, static_cast<size_t>(end - begin));\n  };\n"
    "  static const Asset all[] = {\n${rows}  };\n  return all;\n}\n\n}  // namespace easel::server\n")
  return()
endif()

set(EASEL_ASSETS_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(easel_embed_assets target folder fallback)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_assets.cc)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${folder}/*)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DFALLBACK=${fallback} -DOUTPUT=${output}
            -DSCRATCH=${CMAKE_CURRENT_BINARY_DIR}/embedded_assets -P ${EASEL_ASSETS_SCRIPT}
    DEPENDS ${files} ${fallback} ${EASEL_ASSETS_SCRIPT}
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()

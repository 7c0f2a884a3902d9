# easel_embed(TARGET NAME FILE): puts FILE's bytes into TARGET as
#   extern const unsigned char NAME[];  extern const std::size_t NAME_size;   (namespace easel::embedded)
# The same file, run by `cmake -P`, is what writes the generated source.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${FILE} bytes HEX)
  string(LENGTH "${bytes}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  file(WRITE ${OUTPUT} "#include <cstddef>\nnamespace easel::embedded {\n"
    "extern const unsigned char ${NAME}[];\nextern const std::size_t ${NAME}_size;\n"
    "const unsigned char ${NAME}[] = {${bytes}0};\nconst std::size_t ${NAME}_size = ${size};\n}\n")
  return()
endif()

set(EASEL_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(easel_embed target name file)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_${name}.cc)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFILE=${file} -DNAME=${name} -DOUTPUT=${output} -P ${EASEL_EMBED_SCRIPT}
    DEPENDS ${file} ${EASEL_EMBED_SCRIPT}
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()

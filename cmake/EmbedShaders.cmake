# easel_embed_shaders(TARGET FOLDER): compiles every FOLDER/NAME.comp to SPIR-V and puts it into TARGET as the bytes
# embedded::shader_NAME (cmake/EmbedFile.cmake). Files that shaders include are FOLDER/*.glsl.
function(easel_embed_shaders target folder)
  file(GLOB shaders CONFIGURE_DEPENDS ${folder}/*.comp)
  file(GLOB included CONFIGURE_DEPENDS ${folder}/*.glsl)
  foreach(shader IN LISTS shaders)
    cmake_path(GET shader STEM name)
    set(output ${CMAKE_CURRENT_BINARY_DIR}/${name}.spv)
    add_custom_command(
      OUTPUT ${output}
      COMMAND ${EASEL_GLSLANG} --quiet -V --target-env vulkan1.2 -I${folder} -o ${output} ${shader}
      DEPENDS ${shader} ${included}
      VERBATIM)
    easel_embed(${target} shader_${name} ${output})
  endforeach()
  # What the compiler of the system does not know yet is kept compiled (./dev shaders makes it).
  file(GLOB kept CONFIGURE_DEPENDS ${folder}/../matrices/*.spv)
  foreach(file IN LISTS kept)
    cmake_path(GET file STEM name)
    easel_embed(${target} shader_${name} ${file})
  endforeach()
endfunction()

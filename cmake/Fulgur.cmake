# Build settings and the few functions that every CMakeLists.txt here uses.
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# The packaged LLVM is built with NDEBUG, which changes its ABI.
string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  message(FATAL_ERROR "only CMAKE_BUILD_TYPE=Release matches the packaged LLVM's ABI")
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(LLVM_RUNTIME_OUTPUT_INTDIR ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
set(LLVM_LIBRARY_OUTPUT_INTDIR ${CMAKE_ARCHIVE_OUTPUT_DIRECTORY})

include_directories(${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR} ${PROJECT_SOURCE_DIR}/include)
include_directories(SYSTEM ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
# One code model for libraries and tools, so that they share one precompiled header.
add_compile_options(-fPIC)
add_compile_options(-Wall -Wextra -Werror -Wno-unused-parameter)

# Nearly every source includes these; parsing them once halves a cold build.
file(WRITE ${PROJECT_BINARY_DIR}/pch/empty.cpp "")
add_library(fulgur-pch OBJECT ${PROJECT_BINARY_DIR}/pch/empty.cpp)
target_precompile_headers(fulgur-pch PRIVATE
  <mlir/Dialect/Arith/IR/Arith.h> <mlir/Dialect/Func/IR/FuncOps.h>
  <mlir/Dialect/Linalg/IR/Linalg.h> <mlir/Dialect/MemRef/IR/MemRef.h>
  <mlir/Dialect/SCF/IR/SCF.h> <mlir/Dialect/Tensor/IR/Tensor.h>
  <mlir/IR/Builders.h> <mlir/IR/BuiltinOps.h> <mlir/IR/BuiltinTypes.h>
  <mlir/IR/PatternMatch.h> <mlir/Pass/Pass.h> <mlir/Pass/PassManager.h>
  <mlir/Transforms/GreedyPatternRewriteDriver.h>
  <mlir/Transforms/DialectConversion.h>)

# fulgur_library(name SOURCES... [DEPENDS...] [LINK...]): a static library of the
# compiler, against the packaged libMLIR and libLLVM.
function(fulgur_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_precompile_headers(${name} REUSE_FROM fulgur-pch)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
endfunction()

# fulgur_tool(name SOURCES... [LINK...]): an executable in bin/.
function(fulgur_tool name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_precompile_headers(${name} REUSE_FROM fulgur-pch)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
endfunction()

# fulgur_plugin_host(tool): plugins find Fulgur's own symbols in the tool (those
# of LLVM and MLIR are in their shared libraries), and it has all that the
# dialect, the helpers of passes and fulgur/Plugin.h declare.
function(fulgur_plugin_host tool)
  target_link_options(${tool} PRIVATE "LINKER:--export-dynamic-symbol=*6fulgur*")
  target_link_libraries(${tool} PRIVATE
    $<LINK_LIBRARY:WHOLE_ARCHIVE,FulgurDialect,FulgurFuse,FulgurCostModel,FulgurSupport>)
endfunction()

# fulgur_pass_library(Stage SOURCES... [LINK...]): the passes of one stage, as
# the library Fulgur<Stage>, with declarations generated from Passes.td.
function(fulgur_pass_library stage)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  set(LLVM_TARGET_DEFINITIONS Passes.td)
  mlir_tablegen(Passes.h.inc -gen-pass-decls -name ${stage})
  fulgur_doc(passes-${stage} Passes.td -gen-pass-doc)
  add_public_tablegen_target(Fulgur${stage}PassIncGen)
  fulgur_library(Fulgur${stage} SOURCES ${ARG_SOURCES}
    DEPENDS Fulgur${stage}PassIncGen FulgurDialectIncGen FulgurKernelDialectIncGen FulgurONNXDialectIncGen LINK ${ARG_LINK})
endfunction()

# fulgur_doc(page source.td generator...): build/docs/<page>.md, written by
# `ninja docs`.
add_custom_target(docs)
function(fulgur_doc page source)
  set(output ${PROJECT_BINARY_DIR}/docs/${page}.md)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/docs)
  file(GLOB_RECURSE definitions CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.td)
  add_custom_command(OUTPUT ${output}
    COMMAND ${MLIR_TABLEGEN_EXE} ${ARGN} -I ${PROJECT_SOURCE_DIR} -I ${MLIR_INCLUDE_DIRS}
      ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${output}
    DEPENDS ${definitions} VERBATIM)
  add_custom_target(docs-${page} DEPENDS ${output})
  add_dependencies(docs docs-${page})
endfunction()

# Helpers that every folder's CMakeLists.txt uses.

# Warnings and definitions of our own code; third-party headers are SYSTEM.
add_library(voxlift_options INTERFACE)
target_compile_options(voxlift_options INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
  $<$<BOOL:${VOXLIFT_WERROR}>:-Werror>
  # GCC 12 sees overlaps in std::string that are not there (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  # Lets ccache see through precompiled headers.
  $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
target_include_directories(voxlift_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_features(voxlift_options INTERFACE cxx_std_20)
if(VOXLIFT_SANITIZE)
  target_compile_options(voxlift_options INTERFACE
    -fsanitize=${VOXLIFT_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all
    # GCC 12 takes LibTorch's optional values for uninitialised ones.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(voxlift_options INTERFACE -fsanitize=${VOXLIFT_SANITIZE})
endif()

# voxlift_library(NAME SOURCES a.cpp ... DEPENDS target ...)
# Makes voxlift_NAME with the alias voxlift::NAME. DEPENDS are public edges: the
# direction of design is kept here and by the lint_include_layers test.
function(voxlift_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(voxlift_${name} STATIC ${ARG_SOURCES})
  add_library(voxlift::${name} ALIAS voxlift_${name})
  target_link_libraries(voxlift_${name} PUBLIC voxlift_options ${ARG_DEPENDS})
endfunction()

# voxlift_test(NAME SOURCES a_test.cpp ... DEPENDS target ... LABELS label ...
#              [TIMEOUT seconds])
# One executable of GoogleTest cases, each case a ctest test.
function(voxlift_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} voxlift_test_support
    GTest::gtest_main)
  # Programs with ranks of their own need all cores.
  set(alone TRUE)
  if("unit" IN_LIST ARG_LABELS)
    set(alone FALSE)
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
      RUN_SERIAL ${alone})
endfunction()

# The Python module _crc, of apps/python/*.cpp, in its package crc_active; pip builds it through pyproject.toml. By hand:
#   cmake -DCRC_PYTHON=ON -DPython_EXECUTABLE=a-python-with-nanobind ...   and PYTHONPATH=BUILD/python
# One module for Python 3.10 and later: it meets its interpreter through the package nanobind-backend.
find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module OPTIONAL_COMPONENTS Development.SABIModule)
execute_process(COMMAND ${Python_EXECUTABLE} -m nanobind --cmake_dir OUTPUT_VARIABLE nanobind_ROOT
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
find_package(nanobind CONFIG QUIET)
if(NOT nanobind_FOUND)
  message(FATAL_ERROR "CRC_PYTHON=ON, and ${Python_EXECUTABLE} has no nanobind: pip install nanobind nanobind-backend")
endif()
crc_row(python "${Python_VERSION}" "nanobind ${nanobind_VERSION}")

file(GLOB sources CONFIGURE_DEPENDS apps/python/*.cpp)
nanobind_add_module(_crc NOMINSIZE NB_SUPPRESS_WARNINGS BACKEND_MODULE nanobind_backend ${sources})
target_link_libraries(_crc PRIVATE crc_apps crc_warnings)
# No symbol of ours, or of a static library, may stand in for one of the host's.
target_link_options(_crc PRIVATE -Wl,--exclude-libs,ALL)
set_target_properties(_crc PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/python/crc_active UNITY_BUILD OFF
                      CXX_STANDARD 20 CXX_EXTENSIONS OFF)
install(TARGETS _crc LIBRARY DESTINATION crc_active COMPONENT python)

# The package beside the module, for use from the build folder: links, so that an edit needs no build.
file(GLOB modules CONFIGURE_DEPENDS apps/python/crc_active/*)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/python/crc_active)
foreach(module ${modules})
  get_filename_component(name ${module} NAME)
  file(CREATE_LINK ${module} ${CMAKE_BINARY_DIR}/python/crc_active/${name} SYMBOLIC)
endforeach()

# The adapters that the programs open where mpirun or srun started them: apps/ranks/mpi_adapter.c, once for each MPI whose
# compiler is here (Debian: libopenmpi-dev, libmpich-dev). Nothing else knows MPI, and the build does not need it.
include(GNUInstallDirs)
find_program(CRC_MPICC mpicc)
if(CRC_MPICC)
  execute_process(COMMAND ${CRC_MPICC} -show OUTPUT_VARIABLE mpicc_shows ERROR_QUIET)
endif()
foreach(mpi openmpi mpich)
  find_program(CRC_MPICC_${mpi} mpicc.${mpi})
  set(compiler ${CRC_MPICC_${mpi}})
  string(REPLACE mpich "mpich|libmpi\\.so\\.12|-lmpich" pattern ${mpi})
  if(NOT compiler AND CRC_MPICC AND mpicc_shows MATCHES "${pattern}")
    set(compiler ${CRC_MPICC})
  endif()
  if(compiler)
    set(adapter ${CMAKE_BINARY_DIR}/libcrc_mpi_${mpi}.so)
    add_custom_command(OUTPUT ${adapter} DEPENDS apps/ranks/mpi_adapter.c
                       COMMAND ${compiler} -std=c99 -O2 -shared -fPIC -o ${adapter}
                               ${CMAKE_SOURCE_DIR}/apps/ranks/mpi_adapter.c)
    add_custom_target(crc_mpi_${mpi} ALL DEPENDS ${adapter})
    install(FILES ${adapter} DESTINATION ${CMAKE_INSTALL_LIBDIR}/crc OPTIONAL)
    crc_row("mpi (${mpi})" found "${compiler}; under mpirun and srun")
  endif()
endforeach()

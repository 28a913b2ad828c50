# Run at every build: writes ${OUTPUT} with the commit of ${SOURCE}, and touches it only when that changed.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT commit)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT
"#define CRC_COMMIT \"${commit}\"
#define CRC_VERSION \"${VERSION}\"
#define CRC_BUILD_TYPE \"${BUILD_TYPE}\"
")

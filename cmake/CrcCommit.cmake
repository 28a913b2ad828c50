# Run at every build: writes ${OUTPUT} with the commit of ${SOURCE}, and touches it only when that changed.
set(commit "$Format:%H$")  # `git archive` writes it here (.gitattributes); a repository around the archive is another's
if(commit MATCHES "^[0-9a-f]+$")
  string(SUBSTRING ${commit} 0 12 commit)
else()
  set(commit unknown)
  execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=* OUTPUT_VARIABLE described
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(described)
    set(commit ${described})
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT
"#define CRC_COMMIT \"${commit}\"
#define CRC_VERSION \"${VERSION}\"
#define CRC_BUILD_TYPE \"${BUILD_TYPE}\"
")

# Makes the table of operators (src/plan/operator.h) from the lines EQ_OPERATOR and EQ_CUSTOM_OPERATOR of all files in a folder:
#
#     cmake -DFOLDER=src/ops -DOUTPUT=operators.c [-DWITHOUT=FLOAT32,INT16] [-DONLY=CONV_2D,SOFTMAX] \
#           -P cmake/operators.cmake
#
# WITHOUT leaves out the lines that ask for these types, but for QUANTIZE, which stands at a model's edge; ONLY those of all other
# operators. What no line needs then, the linker drops.
cmake_minimum_required(VERSION 3.18)
file(GLOB_RECURSE sources ${FOLDER}/*.c)
string(REPLACE "," ";" left_out "${WITHOUT}")
string(REPLACE "," ";" only "${ONLY}")
string(REPLACE "," ", " absent "${WITHOUT}")
if(only)
  list(LENGTH only count)
  set(absent "all but ${count} operators")
endif()
set(name "[A-Za-z0-9_]+")
set(types "(${name})(, (${name}))?(, (${name}))?")
foreach(source IN LISTS sources)
  file(STRINGS ${source} lines REGEX "^EQ_(CUSTOM_)?OPERATOR\\(")
  foreach(line IN LISTS lines)
    if(line MATCHES "^EQ_OPERATOR\\((${name}), (${name}), ${types}\\)")
      set(operator "${CMAKE_MATCH_1}")
      set(what "EQ_OP_${operator}")
      set(custom "NULL")
    elseif(line MATCHES "^EQ_CUSTOM_OPERATOR\\((\"[^\"\\]+\"), (${name}), ${types}\\)")
      set(what "EQ_OP_CUSTOM")
      set(custom "${CMAKE_MATCH_1}")
      string(REPLACE "\"" "" operator "${custom}")
    else()
      message(FATAL_ERROR "${source}: not what plan/operator.h describes, or not on one line: ${line}")
    endif()
    set(prepare "${CMAKE_MATCH_2}")
    set(row "${CMAKE_MATCH_3}" "${CMAKE_MATCH_5}" "${CMAKE_MATCH_7}")
    set(wanted "")
    set(is_left_out OFF)
    foreach(type IN LISTS row)
      if(type STREQUAL "")
        set(type ANY)
      endif()
      list(APPEND wanted "EQ_${type}")
      if(type IN_LIST left_out AND NOT what STREQUAL "EQ_OP_QUANTIZE")
        set(is_left_out ON)
      endif()
    endforeach()
    list(JOIN wanted ", " wanted)
    set(key "${what} ${custom} ${wanted}")
    if(key IN_LIST keys)
      message(FATAL_ERROR "${source}: another line has the same operator and types: ${line}")
    endif()
    list(APPEND keys "${key}")
    list(APPEND operators "${operator}")
    if(is_left_out OR (only AND NOT operator IN_LIST only))
      continue()
    endif()
    if(NOT prepare IN_LIST prepared)
      list(APPEND prepared "${prepare}")
      string(APPEND prototypes "eq_status ${prepare}(eq_plan *plan, const eq_operator *op);\n")
    endif()
    string(APPEND rows "    {${what}, {${wanted}}, ${custom}, ${prepare}},\n")
  endforeach()
endforeach()
list(REMOVE_ITEM only ${operators})
if(only)
  message(FATAL_ERROR "EQ_OPERATORS: the engine has no ${only}")
endif()
file(WRITE ${OUTPUT}.new "/* Made by cmake/operators.cmake. */
#include \"plan/operator.h\"

${prototypes}
const eq_operator_row eq_operator_rows[] = {
${rows}};
const int32_t eq_operator_row_count = sizeof eq_operator_rows / sizeof *eq_operator_rows;
const char *const eq_left_out = \"${absent}\";
")
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${OUTPUT}.new ${OUTPUT})
file(REMOVE ${OUTPUT}.new)

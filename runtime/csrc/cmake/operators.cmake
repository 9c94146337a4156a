# Makes the table of operators (src/plan/operator.h) from the lines EQ_OPERATOR, EQ_CUSTOM_OPERATOR and EQ_OPERATOR_FLOAT16 of all files in
# a folder:
#
#     cmake -DFOLDER=src/ops -DOUTPUT=operators.c [-DWITHOUT=FLOAT32,INT16] [-DONLY=CONV_2D,SOFTMAX] \
#           -P cmake/operators.cmake
#
# WITHOUT leaves out the lines that ask for these types, but for QUANTIZE of FLOAT32 and INT16, which stands at a model's edge, and the folders of that name;
# ONLY those of all other operators. What no line needs then, the linker drops.
#
# A row has numbers and no pointers: of its prepare function, a case of a switch, and of a custom operator's name, where that begins
# among all names. A pointer in a table takes 32 bytes of a shared library, for itself and for what the loader has to do to it.
cmake_minimum_required(VERSION 3.18)
file(GLOB_RECURSE sources ${FOLDER}/*.c)
string(REPLACE "," ";" left_out "${WITHOUT}")
string(REPLACE "," ";" only "${ONLY}")
string(REPLACE "," ", " absent "${WITHOUT}")
set(prepared eq_prepare_custom eq_prepare_widened) # those of no line: EQ_PREPARE_CUSTOM and EQ_PREPARE_WIDENED are their numbers
set(names_length 0)
if(only)
  list(LENGTH only count)
  set(absent "all but ${count} operators")
endif()
set(name "[A-Za-z0-9_]+")
set(types "(${name})(, (${name}))?(, (${name}))?")
foreach(source IN LISTS sources)
  file(READ ${source} text)
  string(REGEX MATCHALL "\nEQ_OPERATOR_FLOAT16\\([A-Z0-9_, \n]+\\)" lists "${text}")
  string(REGEX REPLACE "EQ_OPERATOR_FLOAT16|[^A-Z0-9_]" " " lists "${lists}")
  separate_arguments(lists)
  list(APPEND widened ${lists})
  file(STRINGS ${source} lines REGEX "^EQ_(CUSTOM_)?OPERATOR\\(")
  foreach(line IN LISTS lines)
    if(line MATCHES "^EQ_OPERATOR\\((${name}), (${name}), ${types}\\)")
      set(operator "${CMAKE_MATCH_1}")
      set(what "EQ_OP_${operator}")
      set(custom "")
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
    get_filename_component(family ${source} DIRECTORY)
    get_filename_component(family ${family} NAME)
    if(family IN_LIST left_out)
      set(is_left_out ON)
    endif()
    foreach(type IN LISTS row)
      if(type STREQUAL "")
        set(type ANY)
      endif()
      list(APPEND wanted "EQ_${type}")
      if(type IN_LIST left_out AND NOT (what STREQUAL "EQ_OP_QUANTIZE" AND NOT type STREQUAL "FLOAT16"))
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
    list(FIND prepared "${prepare}" number)
    if(number EQUAL -1)
      list(LENGTH prepared number)
      list(APPEND prepared "${prepare}")
      string(APPEND prototypes "eq_status ${prepare}(eq_plan *plan, const eq_operator *op);\n")
      string(APPEND cases "    case ${number}:\n        return ${prepare}(plan, op);\n")
    endif()
    set(name_begins 0)
    if(custom)
      if(NOT custom STREQUAL last_custom) # lines of one operator stand together
        set(last_custom "${custom}")
        set(last_name_begins ${names_length})
        string(APPEND names "\n    ${custom} \"\\0\"")
        string(LENGTH "${operator}" length)
        math(EXPR names_length "${names_length} + ${length} + 1")
      endif()
      set(name_begins ${last_name_begins})
    endif()
    string(APPEND rows "    {${what}, ${name_begins}, ${number}, {${wanted}}},\n")
  endforeach()
endforeach()
if(widened AND NOT FLOAT16 IN_LIST left_out)
  string(PREPEND cases "    case EQ_PREPARE_WIDENED:\n        return eq_prepare_widened(plan, op);\n")
  foreach(operator IN LISTS widened)
    string(APPEND widened_codes "EQ_OP_${operator}, ")
  endforeach()
endif()
list(REMOVE_ITEM only ${operators})
if(only)
  message(FATAL_ERROR "EQ_OPERATORS: the engine has no ${only}")
endif()
file(WRITE ${OUTPUT}.new "/* Made by cmake/operators.cmake. */
#include \"plan/custom.h\"
#include \"plan/operator.h\"
#include \"plan/widen.h\"

${prototypes}
eq_status eq_operator_prepare(const eq_operator_row *row, eq_plan *plan, const eq_operator *op) {
    switch (row->prepare) {
${cases}    default:
        return eq_prepare_custom(plan, op);
    }
}

const char eq_custom_names[] = \"\"${names};
const eq_operator_row eq_operator_rows[] = {
${rows}};
const int32_t eq_operator_row_count = sizeof eq_operator_rows / sizeof *eq_operator_rows;
const int16_t eq_widened[] = {${widened_codes}-1};
const char eq_left_out[] = \"${absent}\";
")
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${OUTPUT}.new ${OUTPUT})
file(REMOVE ${OUTPUT}.new)

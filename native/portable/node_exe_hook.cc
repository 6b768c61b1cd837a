// Windows: the addon imports Node-API from node.exe, by that name. Loaded by a program of another name (Electron, a
// renamed or bundled node.exe), it must take the program's own functions: the import is delayed, and found here.
// clang-format off: the second header needs the first.
#include <windows.h>
#include <delayimp.h>
// clang-format on

#include <cstring>

namespace {

FARPROC WINAPI host_program(unsigned event, PDelayLoadInfo info) {
  if (event != dliNotePreLoadLibrary || _stricmp(info->szDll, "node.exe") != 0) return nullptr;
  return reinterpret_cast<FARPROC>(GetModuleHandleA(nullptr));
}

}  // namespace

extern "C" {
PfnDliHook __pfnDliNotifyHook2 = host_program;  // NOLINT(bugprone-reserved-identifier)
}

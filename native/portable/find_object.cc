// musl: GCC's unwinder, which Debian compiles for glibc, asks glibc where an object's tables for exceptions are. This
// is that function by what every C library has. Nothing asks for it where the unwinder was compiled for musl.
#include <cstdint>

#if defined(__linux__) && !defined(__GLIBC__)
#include <link.h>

namespace {

// glibc's struct dl_find_object on x86-64; the unwinder reads the tables' place alone.
struct FoundObject {
  unsigned long long flags;
  void* map_start;
  void* map_end;
  link_map* map;
  void* eh_frame;
  unsigned long long reserved[7];
};

struct Search {
  std::uintptr_t address;
  void* eh_frame;
};

int look_into(dl_phdr_info* object, std::size_t, void* data) {
  Search& search = *static_cast<Search*>(data);
  bool inside = false;
  void* eh_frame = nullptr;
  for (const ElfW(Phdr)* part = object->dlpi_phdr; part != object->dlpi_phdr + object->dlpi_phnum; ++part) {
    const std::uintptr_t start = object->dlpi_addr + part->p_vaddr;
    if (part->p_type == PT_LOAD && search.address - start < part->p_memsz) inside = true;
    if (part->p_type == PT_GNU_EH_FRAME) eh_frame = reinterpret_cast<void*>(start);
  }
  if (inside) search.eh_frame = eh_frame;
  return inside ? 1 : 0;
}

}  // namespace

extern "C" int _dl_find_object(void* address, FoundObject* result) {  // NOLINT(bugprone-reserved-identifier)
  Search search{reinterpret_cast<std::uintptr_t>(address), nullptr};
  if (dl_iterate_phdr(look_into, &search) == 0) return -1;
  *result = FoundObject{};
  result->eh_frame = search.eh_frame;
  return 0;
}
#endif

#include <stdbool.h>
#include <stdint.h>
#include "hint.h"
#define wq_operation_matters wq_hint_matters

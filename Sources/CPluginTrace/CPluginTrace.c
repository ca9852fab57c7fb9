#include "CPluginTrace.h"

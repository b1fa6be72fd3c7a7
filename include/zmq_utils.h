/* SPDX-License-Identifier: MPL-2.0 */

/* Everything that once stood here is in zmq.h. */

#ifndef __ZMQ_UTILS_H_INCLUDED__
#define __ZMQ_UTILS_H_INCLUDED__

#include "zmq.h"

#endif

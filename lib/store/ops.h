/* Each operation, called with a map whose keys are known and complete. */
#ifndef STORE_OPS_H
#define STORE_OPS_H

#include "store/op.h"

json_t *op_query(struct op_world *w, const json_t *with, struct fault *f);
json_t *op_build(struct op_world *w, const json_t *with, struct fault *f);
json_t *op_submit(struct op_world *w, const json_t *with, struct fault *f);
json_t *op_dump(struct op_world *w, const json_t *with, struct fault *f);
json_t *op_read_file(struct op_world *w, const json_t *with, struct fault *f);
json_t *op_make_view(struct op_world *w, const json_t *with, struct fault *f);
json_t *op_make_table(struct op_world *w, const json_t *with, struct fault *f);
json_t *op_read_rows(struct op_world *w, const json_t *with, struct fault *f);
json_t *op_render_files(struct op_world *w, const json_t *with, struct fault *f);
json_t *op_render_messages(struct op_world *w, const json_t *with, struct fault *f);
json_t *op_plan_messages(struct op_world *w, const json_t *with, struct fault *f);
json_t *op_send_messages(struct op_world *w, const json_t *with, struct fault *f);
json_t *op_ask_model(struct op_world *w, const json_t *with, struct fault *f);

#endif

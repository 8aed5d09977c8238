/** Facts about the GPU machines that the template and the doctor share. */

/** SSM parameter of the newest Ubuntu 24.04 AMI with NVIDIA drivers; resolved at deployment unless the stage sets `amiId`. */
export const IMAGE_PARAMETER = '/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id';
/** Availability zones, in the order of their names, in which the machines are placed. */
export const MACHINE_ZONES = 2;

/** Facts about the GPU machines that the template and the doctor share. */

/** SSM parameter of the newest Ubuntu 24.04 AMI with NVIDIA drivers; read at the first deployment unless the stage sets `amiId`. */
export const IMAGE_PARAMETER = '/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id';
/** Availability zones, in the order of their names, in which the machines are placed. */
export const MACHINE_ZONES = 2;
/** `volumeGb`: its limits, and its default, which AWS's image fits. */
export const VOLUME_GB = { min: 20, max: 1000, default: 75 } as const;
/** The image of `npm run image`, in GB: size of its volume, and the most that is used of it (gpu-worker/image/check.sh). */
export const OWN_IMAGE = { volumeGb: 20, usedGb: 8 } as const;
